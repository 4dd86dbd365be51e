# Firebrick: the block design of a Zynq-7000 board. The processor's AXI DMA in simple mode moves
# streams between memory and core; one clock for everything.

proc build_system {} {
    global core_mhz register_base register_range dma_base dma_range

    create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps
    apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
        -config [list make_external "FIXED_IO, DDR" apply_board_preset 1 Master Disable \
            Slave Disable] [get_bd_cells ps]
    set_property -dict [list \
        CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $core_mhz \
        CONFIG.PCW_USE_M_AXI_GP0 1 \
        CONFIG.PCW_USE_S_AXI_HP0 1 \
        CONFIG.PCW_S_AXI_HP0_DATA_WIDTH 64 \
        CONFIG.PCW_USE_FABRIC_INTERRUPT 1 \
        CONFIG.PCW_IRQ_F2P_INTR 1] [get_bd_cells ps]
    set clock [get_bd_pins ps/FCLK_CLK0]
    build_dma
    connect_bd_net $clock [get_bd_pins ps/M_AXI_GP0_ACLK] [get_bd_pins ps/S_AXI_HP0_ACLK] \
        [get_bd_pins reset/slowest_sync_clk] [get_bd_pins core/aclk] \
        [get_bd_pins dma/s_axi_lite_aclk] [get_bd_pins dma/m_axi_mm2s_aclk] \
        [get_bd_pins dma/m_axi_s2mm_aclk] [get_bd_pins registers/aclk] [get_bd_pins memory/aclk]
    connect_bd_net [get_bd_pins ps/FCLK_RESET0_N] [get_bd_pins reset/ext_reset_in]
    connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_GP0] [get_bd_intf_pins registers/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins memory/M00_AXI] [get_bd_intf_pins ps/S_AXI_HP0]
    connect_bd_net [get_bd_pins interrupts/dout] [get_bd_pins ps/IRQ_F2P]
    map_addresses ps/Data
}
