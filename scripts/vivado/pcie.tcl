# Firebrick: the block design of a PCIe card. XDMA in stream mode, one channel each way for each
# engine; the cores run on a clock of their own, made from XDMA's, behind asynchronous FIFOs.

# Name of a cell of an engine: the first one's have no number.
proc of_engine {cell engine} { return [expr {$engine ? "${cell}_$engine" : $cell}] }

proc build_system {} {
    global engines engine_stride core_mhz register_base register_range bus_bytes
    global link_width link_speed link_data link_mhz link_block link_quad ultrascale tied_low

    # Pins.
    create_bd_intf_port -mode Slave -vlnv xilinx.com:interface:diff_clock_rtl:1.0 pcie_refclk
    set_property CONFIG.FREQ_HZ 100000000 [get_bd_intf_ports pcie_refclk]
    create_bd_intf_port -mode Master -vlnv xilinx.com:interface:pcie_7x_mgt_rtl:1.0 pcie_mgt
    create_bd_port -dir I -type rst pcie_perst_n
    set_property CONFIG.POLARITY ACTIVE_LOW [get_bd_ports pcie_perst_n]

    # Link.
    create_bd_cell -type ip -vlnv xilinx.com:ip:util_ds_buf refclk
    set_property CONFIG.C_BUF_TYPE IBUFDSGTE [get_bd_cells refclk]
    create_bd_cell -type ip -vlnv xilinx.com:ip:xdma xdma
    set_property -dict [list \
        CONFIG.mode_selection Advanced \
        CONFIG.pl_link_cap_max_link_width $link_width \
        CONFIG.pl_link_cap_max_link_speed $link_speed \
        CONFIG.axi_data_width $link_data \
        CONFIG.axisten_freq $link_mhz \
        CONFIG.xdma_axi_intf_mm AXI_Stream \
        CONFIG.xdma_rnum_chnl $engines \
        CONFIG.xdma_wnum_chnl $engines \
        CONFIG.axilite_master_en true \
        CONFIG.axilite_master_size 1 \
        CONFIG.axilite_master_scale Megabytes \
        CONFIG.pciebar2axibar_axil_master $register_base \
        CONFIG.xdma_num_usr_irq $engines \
        CONFIG.cfg_mgmt_if false] [get_bd_cells xdma]
    if {$link_block ne {}} {
        set_property -dict [list \
            CONFIG.pcie_blk_locn $link_block \
            CONFIG.en_gt_selection true \
            CONFIG.select_quad $link_quad] [get_bd_cells xdma]
    }
    connect_bd_intf_net [get_bd_intf_ports pcie_refclk] [get_bd_intf_pins refclk/CLK_IN_D]
    if {$ultrascale} {
        connect_bd_net [get_bd_pins refclk/IBUF_DS_ODIV2] [get_bd_pins xdma/sys_clk]
        connect_bd_net [get_bd_pins refclk/IBUF_OUT] [get_bd_pins xdma/sys_clk_gt]
    } else {
        connect_bd_net [get_bd_pins refclk/IBUF_OUT] [get_bd_pins xdma/sys_clk]
    }
    connect_bd_net [get_bd_ports pcie_perst_n] [get_bd_pins xdma/sys_rst_n]
    connect_bd_intf_net [get_bd_intf_pins xdma/pcie_mgt] [get_bd_intf_ports pcie_mgt]

    # The core's clock and reset.
    create_bd_cell -type ip -vlnv xilinx.com:ip:clk_wiz clock
    set_property -dict [list \
        CONFIG.PRIM_SOURCE No_buffer \
        CONFIG.PRIM_IN_FREQ $link_mhz \
        CONFIG.CLKOUT1_REQUESTED_OUT_FREQ $core_mhz \
        CONFIG.RESET_TYPE ACTIVE_LOW] [get_bd_cells clock]
    create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
    connect_bd_net [get_bd_pins xdma/axi_aclk] [get_bd_pins clock/clk_in1]
    connect_bd_net [get_bd_pins xdma/axi_aresetn] [get_bd_pins clock/resetn] \
        [get_bd_pins reset/ext_reset_in]
    connect_bd_net [get_bd_pins clock/locked] [get_bd_pins reset/dcm_locked]

    # Registers of all engines, and their interrupts, one line each.
    create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect registers
    set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI $engines CONFIG.NUM_CLKS 2] \
        [get_bd_cells registers]
    connect_bd_net [get_bd_pins xdma/axi_aclk] [get_bd_pins registers/aclk]
    connect_bd_net [get_bd_pins clock/clk_out1] [get_bd_pins reset/slowest_sync_clk] \
        [get_bd_pins registers/aclk1]
    connect_bd_net [get_bd_pins xdma/axi_aresetn] [get_bd_pins registers/aresetn]
    connect_bd_intf_net [get_bd_intf_pins xdma/M_AXI_LITE] [get_bd_intf_pins registers/S00_AXI]
    if {$engines > 1} {
        create_bd_cell -type ip -vlnv xilinx.com:ip:xlconcat interrupts
        set_property CONFIG.NUM_PORTS $engines [get_bd_cells interrupts]
        connect_bd_net [get_bd_pins interrupts/dout] [get_bd_pins xdma/usr_irq_req]
    }
    for {set engine 0} {$engine < $engines} {incr engine} { build_engine $engine }

    # Pins of the board that must not float.
    foreach pin $tied_low {
        create_bd_cell -type ip -vlnv xilinx.com:ip:xlconstant zero_$pin
        set_property -dict [list CONFIG.CONST_WIDTH 1 CONFIG.CONST_VAL 0] [get_bd_cells zero_$pin]
        create_bd_port -dir O $pin
        connect_bd_net [get_bd_pins zero_$pin/dout] [get_bd_ports $pin]
    }
}

# A core and its crossings, on channel and interrupt of its number.
proc build_engine {engine} {
    global engines engine_stride register_base register_range bus_bytes
    foreach cell {core commands results interrupt} { set $cell [of_engine $cell $engine] }
    create_bd_cell -type ip -vlnv firebrick:accelerators:firebrick $core
    foreach {fifo keep} [list $commands 1 $results 1] {
        create_bd_cell -type ip -vlnv xilinx.com:ip:axis_data_fifo $fifo
        set_property -dict [list \
            CONFIG.TDATA_NUM_BYTES $bus_bytes \
            CONFIG.FIFO_DEPTH 512 \
            CONFIG.IS_ACLK_ASYNC 1 \
            CONFIG.HAS_TKEEP $keep \
            CONFIG.HAS_TLAST 1] [get_bd_cells $fifo]
    }
    create_bd_cell -type ip -vlnv xilinx.com:ip:xpm_cdc_gen $interrupt
    set_property -dict [list CONFIG.CDC_TYPE xpm_cdc_single CONFIG.WIDTH 1] \
        [get_bd_cells $interrupt]

    connect_bd_net [get_bd_pins xdma/axi_aclk] [get_bd_pins $commands/s_axis_aclk] \
        [get_bd_pins $results/m_axis_aclk] [get_bd_pins $interrupt/dest_clk]
    connect_bd_net [get_bd_pins clock/clk_out1] [get_bd_pins $core/aclk] \
        [get_bd_pins $commands/m_axis_aclk] [get_bd_pins $results/s_axis_aclk] \
        [get_bd_pins $interrupt/src_clk]
    connect_bd_net [get_bd_pins xdma/axi_aresetn] [get_bd_pins $commands/s_axis_aresetn]
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins $core/aresetn] \
        [get_bd_pins $results/s_axis_aresetn]

    connect_bd_intf_net [get_bd_intf_pins registers/[format M%02d_AXI $engine]] \
        [get_bd_intf_pins $core/s_axil]
    connect_bd_intf_net [get_bd_intf_pins xdma/M_AXIS_H2C_$engine] \
        [get_bd_intf_pins $commands/S_AXIS]
    connect_bd_intf_net [get_bd_intf_pins $commands/M_AXIS] [get_bd_intf_pins $core/s_axis]
    connect_bd_intf_net [get_bd_intf_pins $core/m_axis] [get_bd_intf_pins $results/S_AXIS]
    connect_bd_intf_net [get_bd_intf_pins $results/M_AXIS] \
        [get_bd_intf_pins xdma/S_AXIS_C2H_$engine]
    connect_bd_net [get_bd_pins $core/irq] [get_bd_pins $interrupt/src_in]
    if {$engines > 1} {
        connect_bd_net [get_bd_pins $interrupt/dest_out] [get_bd_pins interrupts/In$engine]
    } else {
        connect_bd_net [get_bd_pins $interrupt/dest_out] [get_bd_pins xdma/usr_irq_req]
    }

    # XDMA's `user` window begins with the registers of the first engine.
    assign_bd_address -offset [format %#010x [expr {$register_base + $engine * $engine_stride}]] \
        -range $register_range -target_address_space [get_bd_addr_spaces xdma/M_AXI_LITE] \
        [get_bd_addr_segs $core/s_axil/reg0] -force
}
