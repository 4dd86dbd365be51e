# Firebrick: the block design of a Zynq UltraScale+ board. An AXI DMA in simple mode for each engine
# moves streams between memory and core, through a port to memory of its own; one clock for
# everything, made of the processor's.

proc build_system {} {
    global engines processor_mhz

    create_bd_cell -type ip -vlnv xilinx.com:ip:zynq_ultra_ps_e ps
    apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e \
        -config [list apply_board_preset 1] [get_bd_cells ps]
    set_property -dict [list \
        CONFIG.PSU__USE__M_AXI_GP0 1 \
        CONFIG.PSU__USE__M_AXI_GP1 0 \
        CONFIG.PSU__USE__M_AXI_GP2 0 \
        CONFIG.PSU__USE__IRQ0 1 \
        CONFIG.PSU__FPGA_PL0_ENABLE 1 \
        CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $processor_mhz] [get_bd_cells ps]
    set clocks {ps/maxihpm0_fpd_aclk}
    set ports {}
    for {set engine 0} {$engine < $engines} {incr engine} {
        # HP0 to HP3 are the slave ports 2 to 5.
        set port [expr {$engine + 2}]
        set_property -dict [list \
            CONFIG.PSU__USE__S_AXI_GP$port 1 \
            CONFIG.PSU__SAXIGP${port}__DATA_WIDTH 128] [get_bd_cells ps]
        lappend clocks ps/saxihp${engine}_fpd_aclk
        lappend ports ps/S_AXI_HP${engine}_FPD
    }
    # Eight interrupts each: those of two engines.
    if {$engines > 2} { set_property CONFIG.PSU__USE__IRQ1 1 [get_bd_cells ps] }
    build_dma {ps/pl_ps_irq0 ps/pl_ps_irq1} 2 $ports
    connect_clock ps/pl_clk0 ps/pl_resetn0 $clocks
    connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_HPM0_FPD] [get_bd_intf_pins registers/S00_AXI]
    map_addresses ps/Data
}
