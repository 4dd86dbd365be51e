# Firebrick: the block design of a Zynq-7000 board. The processor's AXI DMA in simple mode moves
# streams between memory and core; one clock for everything, made of the processor's.

proc build_system {} {
    global processor_mhz

    create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps
    apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
        -config [list make_external "FIXED_IO, DDR" apply_board_preset 1 Master Disable \
            Slave Disable] [get_bd_cells ps]
    set_property -dict [list \
        CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $processor_mhz \
        CONFIG.PCW_USE_M_AXI_GP0 1 \
        CONFIG.PCW_USE_S_AXI_HP0 1 \
        CONFIG.PCW_S_AXI_HP0_DATA_WIDTH 64 \
        CONFIG.PCW_USE_FABRIC_INTERRUPT 1 \
        CONFIG.PCW_IRQ_F2P_INTR 1] [get_bd_cells ps]
    build_dma ps/FCLK_CLK0 ps/FCLK_RESET0_N {ps/M_AXI_GP0_ACLK ps/S_AXI_HP0_ACLK}
    connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_GP0] [get_bd_intf_pins registers/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins memory/M00_AXI] [get_bd_intf_pins ps/S_AXI_HP0]
    connect_bd_net [get_bd_pins interrupts/dout] [get_bd_pins ps/IRQ_F2P]
    map_addresses ps/Data
}
