# Firebrick: the block design of a Zynq-7000 board. An AXI DMA in simple mode for each engine moves
# streams between memory and core, through a port to memory of its own; one clock for
# everything, made of the processor's.

proc build_system {} {
    global engines processor_mhz

    create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps
    apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
        -config [list make_external "FIXED_IO, DDR" apply_board_preset 1 Master Disable \
            Slave Disable] [get_bd_cells ps]
    set_property -dict [list \
        CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $processor_mhz \
        CONFIG.PCW_USE_M_AXI_GP0 1 \
        CONFIG.PCW_USE_FABRIC_INTERRUPT 1 \
        CONFIG.PCW_IRQ_F2P_INTR 1] [get_bd_cells ps]
    set clocks {ps/M_AXI_GP0_ACLK}
    set ports {}
    for {set engine 0} {$engine < $engines} {incr engine} {
        set_property -dict [list \
            CONFIG.PCW_USE_S_AXI_HP$engine 1 \
            CONFIG.PCW_S_AXI_HP${engine}_DATA_WIDTH 64] [get_bd_cells ps]
        lappend clocks ps/S_AXI_HP${engine}_ACLK
        lappend ports ps/S_AXI_HP$engine
    }
    # Sixteen interrupts: those of all engines.
    build_dma {ps/IRQ_F2P} 4 $ports
    connect_clock ps/FCLK_CLK0 ps/FCLK_RESET0_N $clocks
    connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_GP0] [get_bd_intf_pins registers/S00_AXI]
    map_addresses ps/Data
}
