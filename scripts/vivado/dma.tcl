# Firebrick: core and AXI DMA, as all Zynq boards have them.

# Creates the core, the DMA, their interconnects, clock, reset and interrupts: everything runs on the
# clock that an MMCM makes of the processor's `fabric_clock`; `fabric_reset` is the processor's too, and
# `port_clocks` are the pins of its ports. The other ends of those ports and addresses are the caller's.
proc build_dma {fabric_clock fabric_reset port_clocks} {
    global bus_bytes core_mhz processor_mhz
    set bits [expr {8 * $bus_bytes}]
    create_bd_cell -type ip -vlnv firebrick:accelerators:firebrick core
    create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma dma
    # Simple mode with lengths of up to 64 MiB: a whole picture with its weights is one transfer.
    set_property -dict [list \
        CONFIG.c_include_sg 0 \
        CONFIG.c_sg_length_width 26 \
        CONFIG.c_m_axi_mm2s_data_width $bits \
        CONFIG.c_m_axis_mm2s_tdata_width $bits \
        CONFIG.c_mm2s_burst_size 16 \
        CONFIG.c_m_axi_s2mm_data_width $bits \
        CONFIG.c_s_axis_s2mm_tdata_width $bits \
        CONFIG.c_s2mm_burst_size 16] [get_bd_cells dma]
    create_bd_cell -type ip -vlnv xilinx.com:ip:clk_wiz clock
    set_property -dict [list \
        CONFIG.PRIM_SOURCE No_buffer \
        CONFIG.PRIM_IN_FREQ $processor_mhz \
        CONFIG.CLKOUT1_REQUESTED_OUT_FREQ $core_mhz \
        CONFIG.RESET_TYPE ACTIVE_LOW] [get_bd_cells clock]
    create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
    create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect registers
    set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 2] [get_bd_cells registers]
    create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect memory
    set_property -dict [list CONFIG.NUM_SI 2 CONFIG.NUM_MI 1] [get_bd_cells memory]
    # Interrupts in this order: core, DMA to core, DMA from core.
    create_bd_cell -type ip -vlnv xilinx.com:ip:xlconcat interrupts
    set_property CONFIG.NUM_PORTS 3 [get_bd_cells interrupts]

    connect_bd_net [get_bd_pins $fabric_clock] [get_bd_pins clock/clk_in1]
    connect_bd_net [get_bd_pins $fabric_reset] [get_bd_pins clock/resetn] [get_bd_pins reset/ext_reset_in]
    connect_bd_net [get_bd_pins clock/locked] [get_bd_pins reset/dcm_locked]
    set ports [lmap pin $port_clocks { get_bd_pins $pin }]
    connect_bd_net [get_bd_pins clock/clk_out1] {*}$ports \
        [get_bd_pins reset/slowest_sync_clk] [get_bd_pins core/aclk] \
        [get_bd_pins dma/s_axi_lite_aclk] [get_bd_pins dma/m_axi_mm2s_aclk] \
        [get_bd_pins dma/m_axi_s2mm_aclk] [get_bd_pins registers/aclk] [get_bd_pins memory/aclk]
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins core/aresetn] \
        [get_bd_pins dma/axi_resetn] [get_bd_pins registers/aresetn] [get_bd_pins memory/aresetn]
    connect_bd_intf_net [get_bd_intf_pins registers/M00_AXI] [get_bd_intf_pins core/s_axil]
    connect_bd_intf_net [get_bd_intf_pins registers/M01_AXI] [get_bd_intf_pins dma/S_AXI_LITE]
    connect_bd_intf_net [get_bd_intf_pins dma/M_AXIS_MM2S] [get_bd_intf_pins core/s_axis]
    connect_bd_intf_net [get_bd_intf_pins core/m_axis] [get_bd_intf_pins dma/S_AXIS_S2MM]
    connect_bd_intf_net [get_bd_intf_pins dma/M_AXI_MM2S] [get_bd_intf_pins memory/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins dma/M_AXI_S2MM] [get_bd_intf_pins memory/S01_AXI]
    connect_bd_net [get_bd_pins core/irq] [get_bd_pins interrupts/In0]
    connect_bd_net [get_bd_pins dma/mm2s_introut] [get_bd_pins interrupts/In1]
    connect_bd_net [get_bd_pins dma/s2mm_introut] [get_bd_pins interrupts/In2]
}

# Registers of core and DMA in the processor's `space`, and all of its memory for the DMA.
proc map_addresses {space} {
    global register_base register_range dma_base dma_range
    assign_bd_address -offset $register_base -range $register_range \
        -target_address_space [get_bd_addr_spaces $space] \
        [get_bd_addr_segs core/s_axil/reg0] -force
    assign_bd_address -offset $dma_base -range $dma_range \
        -target_address_space [get_bd_addr_spaces $space] \
        [get_bd_addr_segs dma/S_AXI_LITE/Reg] -force
    assign_bd_address -target_address_space [get_bd_addr_spaces dma/Data_MM2S]
    assign_bd_address -target_address_space [get_bd_addr_spaces dma/Data_S2MM]
}
