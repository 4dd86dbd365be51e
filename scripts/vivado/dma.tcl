# Firebrick: cores and AXI DMAs, as all Zynq boards have them: one AXI DMA for each engine.

# Name of a cell of an engine: the first one's have no number.
proc of_engine {cell engine} { return [expr {$engine ? "${cell}_$engine" : $cell}] }

# Creates reset and the interconnect of the registers, and for each engine a core, a DMA, its way to
# memory and its three interrupts: core, DMA to core, DMA from core, in this order. `lines` are the
# processor's inputs for them, `share` how many engines each of these takes, and `ports` its ports to
# memory, one an engine. Clocks and addresses are the caller's.
proc build_dma {lines share ports} {
    global engines
    create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
    create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect registers
    set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI [expr {2 * $engines}]] \
        [get_bd_cells registers]
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins registers/aresetn]
    for {set first 0} {$first < $engines} {incr first $share} {
        set group [expr {$first / $share}]
        set concat [of_engine interrupts $group]
        set count [expr {min($share, $engines - $first)}]
        create_bd_cell -type ip -vlnv xilinx.com:ip:xlconcat $concat
        set_property CONFIG.NUM_PORTS [expr {3 * $count}] [get_bd_cells $concat]
        connect_bd_net [get_bd_pins $concat/dout] [get_bd_pins [lindex $lines $group]]
    }
    for {set engine 0} {$engine < $engines} {incr engine} {
        set concat [of_engine interrupts [expr {$engine / $share}]]
        build_engine $engine $concat [expr {3 * ($engine % $share)}] [lindex $ports $engine]
    }
}

# A core and its DMA.
proc build_engine {engine concat line port} {
    global bus_bytes
    set bits [expr {8 * $bus_bytes}]
    foreach cell {core dma memory} { set $cell [of_engine $cell $engine] }
    create_bd_cell -type ip -vlnv firebrick:accelerators:firebrick $core
    create_bd_cell -type ip -vlnv xilinx.com:ip:axi_dma $dma
    # Simple mode with lengths of up to 64 MiB: a whole picture with its weights is one transfer.
    set_property -dict [list \
        CONFIG.c_include_sg 0 \
        CONFIG.c_sg_length_width 26 \
        CONFIG.c_m_axi_mm2s_data_width $bits \
        CONFIG.c_m_axis_mm2s_tdata_width $bits \
        CONFIG.c_mm2s_burst_size 16 \
        CONFIG.c_m_axi_s2mm_data_width $bits \
        CONFIG.c_s_axis_s2mm_tdata_width $bits \
        CONFIG.c_s2mm_burst_size 16] [get_bd_cells $dma]
    create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect $memory
    set_property -dict [list CONFIG.NUM_SI 2 CONFIG.NUM_MI 1] [get_bd_cells $memory]

    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins $core/aresetn] \
        [get_bd_pins $dma/axi_resetn] [get_bd_pins $memory/aresetn]
    connect_bd_intf_net [get_bd_intf_pins registers/[format M%02d_AXI [expr {2 * $engine}]]] \
        [get_bd_intf_pins $core/s_axil]
    connect_bd_intf_net [get_bd_intf_pins registers/[format M%02d_AXI [expr {2 * $engine + 1}]]] \
        [get_bd_intf_pins $dma/S_AXI_LITE]
    connect_bd_intf_net [get_bd_intf_pins $dma/M_AXIS_MM2S] [get_bd_intf_pins $core/s_axis]
    connect_bd_intf_net [get_bd_intf_pins $core/m_axis] [get_bd_intf_pins $dma/S_AXIS_S2MM]
    connect_bd_intf_net [get_bd_intf_pins $dma/M_AXI_MM2S] [get_bd_intf_pins $memory/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins $dma/M_AXI_S2MM] [get_bd_intf_pins $memory/S01_AXI]
    connect_bd_intf_net [get_bd_intf_pins $memory/M00_AXI] [get_bd_intf_pins $port]
    foreach {pin input} [list $core/irq $line $dma/mm2s_introut [expr {$line + 1}] \
            $dma/s2mm_introut [expr {$line + 2}]] {
        connect_bd_net [get_bd_pins $pin] [get_bd_pins $concat/In$input]
    }
}

# The clock of everything: an MMCM makes it of the processor's `fabric_clock`. It is that of the processor's
# ports, whose pins the caller names, and of all engines. `fabric_reset` is the processor's too.
proc connect_clock {fabric_clock fabric_reset pins} {
    global engines core_mhz processor_mhz
    create_bd_cell -type ip -vlnv xilinx.com:ip:clk_wiz clock
    set_property -dict [list \
        CONFIG.PRIM_SOURCE No_buffer \
        CONFIG.PRIM_IN_FREQ $processor_mhz \
        CONFIG.CLKOUT1_REQUESTED_OUT_FREQ $core_mhz \
        CONFIG.RESET_TYPE ACTIVE_LOW] [get_bd_cells clock]
    connect_bd_net [get_bd_pins $fabric_clock] [get_bd_pins clock/clk_in1]
    connect_bd_net [get_bd_pins $fabric_reset] [get_bd_pins clock/resetn] [get_bd_pins reset/ext_reset_in]
    connect_bd_net [get_bd_pins clock/locked] [get_bd_pins reset/dcm_locked]
    lappend pins reset/slowest_sync_clk registers/aclk
    for {set engine 0} {$engine < $engines} {incr engine} {
        foreach {cell pin} {core aclk dma s_axi_lite_aclk dma m_axi_mm2s_aclk
                dma m_axi_s2mm_aclk memory aclk} {
            lappend pins [of_engine $cell $engine]/$pin
        }
    }
    foreach pin $pins { connect_bd_net [get_bd_pins clock/clk_out1] [get_bd_pins $pin] }
}

# Registers of cores and DMAs in the processor's `space`, and all of its memory for the DMAs.
proc map_addresses {space} {
    global engines engine_stride register_base register_range dma_base dma_range
    for {set engine 0} {$engine < $engines} {incr engine} {
        foreach {base range segment} [list \
                $register_base $register_range [of_engine core $engine]/s_axil/reg0 \
                $dma_base $dma_range [of_engine dma $engine]/S_AXI_LITE/Reg] {
            assign_bd_address -offset [format %#010x [expr {$base + $engine * $engine_stride}]] \
                -range $range -target_address_space [get_bd_addr_spaces $space] \
                [get_bd_addr_segs $segment] -force
        }
        foreach way {Data_MM2S Data_S2MM} {
            assign_bd_address -target_address_space \
                [get_bd_addr_spaces [of_engine dma $engine]/$way]
        }
    }
}
