# Stands in for Vivado: records the commands of a generated folder's scripts and refuses what does
# not exist.
#
#     tclsh vivado_stubs.tcl SCRIPT
#
# Files must exist, pins must exist on their cell's core, nets must not drive a pin twice,
# constraints must name ports of the block design. Pins of the catalogue's cores are those of AMD's
# product guides (PG195, PG021, PG085, PG065, PG164, PG247, PG082, PG201); those of Firebrick are read
# from its Verilog. Prints what was built, one fact a line.

set script [file normalize [lindex $argv 0]]
set cells [dict create]      ;# name -> core
set ports [dict create]      ;# name -> 1: single pins of the design
set joined [dict create]     ;# pin -> net
set packaged {}              ;# ports of firebrick_top, once packaged
set design {}
set mapped {}
set values [dict create]     ;# cell -> property -> value
set taken {}                 ;# name, first and last address of each segment, by space

# core -> {interfaces} {pins}
set catalogue {
    util_ds_buf {{CLK_IN_D} {IBUF_OUT IBUF_DS_ODIV2}}
    xdma {{pcie_mgt M_AXI_LITE M_AXIS_H2C_0 S_AXIS_C2H_0 M_AXIS_H2C_1 S_AXIS_C2H_1
            M_AXIS_H2C_2 S_AXIS_C2H_2 M_AXIS_H2C_3 S_AXIS_C2H_3}
        {sys_clk sys_clk_gt sys_rst_n axi_aclk axi_aresetn usr_irq_req usr_irq_ack user_lnk_up}}
    clk_wiz {{} {clk_in1 clk_out1 resetn locked}}
    proc_sys_reset {{} {slowest_sync_clk ext_reset_in aux_reset_in mb_debug_sys_rst dcm_locked
        mb_reset bus_struct_reset peripheral_reset interconnect_aresetn peripheral_aresetn}}
    smartconnect {{S00_AXI S01_AXI M00_AXI M01_AXI M02_AXI M03_AXI M04_AXI M05_AXI M06_AXI M07_AXI}
        {aclk aclk1 aresetn}}
    axis_data_fifo {{S_AXIS M_AXIS} {s_axis_aclk m_axis_aclk s_axis_aresetn}}
    xpm_cdc_gen {{} {src_clk src_in dest_clk dest_out}}
    xlconstant {{} {dout}}
    xlconcat {{} {In0 In1 In2 In3 In4 In5 In6 In7 In8 In9 In10 In11 dout}}
    axi_dma {{S_AXI_LITE M_AXI_MM2S M_AXI_S2MM M_AXIS_MM2S S_AXIS_S2MM}
        {s_axi_lite_aclk m_axi_mm2s_aclk m_axi_s2mm_aclk axi_resetn mm2s_introut s2mm_introut
        mm2s_prmry_reset_out_n s2mm_prmry_reset_out_n}}
    processing_system7 {{M_AXI_GP0 S_AXI_HP0 S_AXI_HP1 S_AXI_HP2 S_AXI_HP3 DDR FIXED_IO}
        {M_AXI_GP0_ACLK S_AXI_HP0_ACLK S_AXI_HP1_ACLK S_AXI_HP2_ACLK S_AXI_HP3_ACLK FCLK_CLK0
        FCLK_RESET0_N IRQ_F2P}}
    zynq_ultra_ps_e {{M_AXI_HPM0_FPD S_AXI_HP0_FPD S_AXI_HP1_FPD S_AXI_HP2_FPD S_AXI_HP3_FPD}
        {maxihpm0_fpd_aclk saxihp0_fpd_aclk saxihp1_fpd_aclk saxihp2_fpd_aclk saxihp3_fpd_aclk
        pl_clk0 pl_resetn0 pl_ps_irq0 pl_ps_irq1}}
}

proc fact {args} { puts $args }
proc refuse {what} { return -code error -level 1 "stub: $what" }

# Flags and their values taken off; the rest.
proc rest {arguments flags} {
    set others {}
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set a [lindex $arguments $i]
        if {[dict exists $flags $a]} {
            incr i [dict get $flags $a]
        } elseif {[string match -* $a]} {
            refuse "unknown flag $a"
        } else {
            lappend others $a
        }
    }
    return $others
}
proc value {arguments flag} {
    set at [lsearch -exact $arguments $flag]
    if {$at < 0} { refuse "missing $flag in $arguments" }
    return [lindex $arguments $at+1]
}

# Ports of a Verilog module with an ANSI header, and the interfaces that its attributes name.
proc read_ports {file} {
    global top_ports top_interfaces
    set channel [open $file]
    set text [read $channel]
    close $channel
    if {![regexp {module firebrick_top \((.*?)\n\);} $text -> header]} { refuse "no firebrick_top in $file" }
    set top_ports {}
    set top_interfaces {}
    foreach {all bus name} [regexp -all -inline \
            {X_INTERFACE_INFO = "\S+ (\w+) \w+" \*\)\s+\w+ wire(?: \[\d+:0\])? (\w+)} $header] {
        lappend top_ports $name
        if {$bus ni $top_interfaces} { lappend top_interfaces $bus }
    }
}

proc existing {file} {
    if {![file isfile $file]} { refuse "there is no file $file" }
    fact file [file tail $file]
    return $file
}

# Project.
proc create_project {args} { rest $args {-in_memory 0 -part 1}; fact part [value $args -part] }
proc close_project {} {}
proc current_project {} { return project }
proc current_fileset {} { return fileset }
proc get_parts {part} { return $part }
proc get_property {name object} {
    switch $name {
        SLACK { return 0.1 }
        family { return family }
        default { refuse "property $name" }
    }
}
proc get_timing_paths {args} { rest $args {-max_paths 1 -setup 0 -hold 0}; return path }
proc get_board_parts {args} { return [string map {* 9.9} [lindex $args end]] }
proc update_ip_catalog {} {}
proc read_verilog {files} {
    foreach file $files {
        existing $file
        if {[file tail $file] eq {firebrick_top.v}} { read_ports $file }
    }
}
proc make_wrapper {args} {
    global out
    set path [file join $out system_wrapper.v]
    close [open $path w]
    return $path
}
proc get_files {name} { return $name }
proc set_property {args} {
    if {[lindex $args 0] eq {-dict}} {
        lassign $args - values object
        if {[llength $values] % 2} { refuse "odd list of properties" }
    } else {
        lassign $args name value object
        set values [list $name $value]
    }
    if {$object eq {}} { refuse "properties $values of nothing" }
    foreach {name value} $values {
        fact property $object $name $value
        if {[dict exists $::cells $object]} { dict set ::values $object $name $value }
    }
}

# Packager.
namespace eval ipx {
    proc package_project {args} {
        ::rest $args {-root_dir 1 -vendor 1 -library 1 -taxonomy 1 -import_files 0 -set_current 1}
        ::fact packaged [::value $args -vendor] [::value $args -library]
    }
    proc current_core {} { return core_ip }
    proc get_bus_interfaces {name args} {
        return [expr {$name in $::top_interfaces ? $name : {}}]
    }
    proc remove_all_memory_map {core} {}
    proc add_memory_map {name core} { return map_$name }
    proc add_address_block {name map} { return block_$name }
    proc update_checksums {core} {}
    proc check_integrity {core} {}
    proc save_core {core} { set ::packaged $::top_ports }
}

# Block design.
proc create_bd_design {args} { rest $args {-dir 1}; set ::design [lindex $args end] }
proc validate_bd_design {} {}
proc save_bd_design {} {}
proc create_bd_cell {args} {
    global cells catalogue packaged
    rest $args {-type 1 -vlnv 1}
    lassign [split [value $args -vlnv] :] vendor library core
    set name [lindex $args end]
    if {[dict exists $cells $name]} { refuse "cell $name twice" }
    if {$core eq {firebrick}} {
        if {$packaged eq {}} { refuse "firebrick is not packaged yet" }
    } elseif {![dict exists $catalogue $core]} {
        refuse "no core $core in the catalogue"
    }
    dict set cells $name $core
    fact cell $name $core
    return $name
}
proc get_bd_cells {name} {
    if {![dict exists $::cells $name]} { refuse "no cell $name" }
    return $name
}
proc pins_of {core interfaces} {
    if {$core eq {firebrick}} {
        if {$interfaces} { return {s_axil s_axis m_axis} }
        return {aclk aresetn irq}
    }
    return [lindex [dict get $::catalogue $core] [expr {!$interfaces}]]
}
# What a property of a cell says, or its default.
proc setting {cell name default} {
    if {[dict exists $::values $cell $name]} { return [dict get $::values $cell $name] }
    return $default
}
# Whether a pin is there with the cell's properties: channels, ports and inputs are as many as these
# say.
proc enabled {cell core pin} {
    switch -regexp -matchvar found -- "$core/$pin" {
        {^xdma/M_AXIS_H2C_(\d+)$} { set limit [setting $cell CONFIG.xdma_rnum_chnl 1] }
        {^xdma/S_AXIS_C2H_(\d+)$} { set limit [setting $cell CONFIG.xdma_wnum_chnl 1] }
        {^smartconnect/M0(\d)_AXI$} { set limit [setting $cell CONFIG.NUM_MI 1] }
        {^smartconnect/S0(\d)_AXI$} { set limit [setting $cell CONFIG.NUM_SI 1] }
        {^xlconcat/In(\d+)$} { set limit [setting $cell CONFIG.NUM_PORTS 2] }
        {^processing_system7/S_AXI_HP(\d)(_ACLK)?$} {
            return [setting $cell CONFIG.PCW_USE_S_AXI_HP[lindex $found 1] 0]
        }
        {^zynq_ultra_ps_e/(?:S_AXI_HP|saxihp)(\d)_(?:FPD|fpd_aclk)$} {
            set port [expr {[lindex $found 1] + 2}]
            return [setting $cell CONFIG.PSU__USE__S_AXI_GP$port 0]
        }
        {^zynq_ultra_ps_e/pl_ps_irq(\d)$} {
            return [setting $cell CONFIG.PSU__USE__IRQ[lindex $found 1] 0]
        }
        default { return 1 }
    }
    return [expr {[lindex $found 1] < $limit}]
}
proc get_pin {path interfaces} {
    lassign [split $path /] cell pin
    if {$pin ni [pins_of [dict get $::cells [get_bd_cells $cell]] $interfaces]} {
        refuse "cell $cell ([dict get $::cells $cell]) has no pin $pin"
    }
    if {![enabled $cell [dict get $::cells $cell] $pin]} {
        refuse "pin $pin of cell $cell ([dict get $::cells $cell]) is not enabled"
    }
    return $path
}
proc get_bd_pins {path} { get_pin $path 0 }
proc get_bd_intf_pins {path} { get_pin $path 1 }
proc create_bd_port {args} {
    rest $args {-dir 1 -type 1}
    dict set ::ports [lindex $args end] 1
    fact port [lindex $args end]
}
proc create_bd_intf_port {args} {
    rest $args {-mode 1 -vlnv 1}
    set name [lindex $args end]
    dict set ::ports $name bus
    # Pins of the wrapper that Vivado makes for the interface.
    switch [lindex [split [value $args -vlnv] :] 2] {
        diff_clock_rtl { set pins {clk_p clk_n} }
        pcie_7x_mgt_rtl { set pins {rxp rxn txp txn} }
        default { refuse "unknown interface of $name" }
    }
    foreach pin $pins { dict set ::ports ${name}_$pin 1; fact port ${name}_$pin }
}
proc get_bd_ports {name} {
    if {![dict exists $::ports $name] || [dict get $::ports $name] ne 1} { refuse "no port $name" }
    return $name
}
proc get_bd_intf_ports {name} {
    if {![dict exists $::ports $name] || [dict get $::ports $name] ne {bus}} { refuse "no port $name" }
    return $name
}
proc join_pins {pins} {
    if {[llength $pins] < 2} { refuse "a net of one pin: $pins" }
    foreach pin $pins {
        if {[dict exists $::joined $pin]} {
            # Only a source may be in several commands.
            if {$pin ne [lindex $pins 0]} { refuse "$pin is connected twice" }
        }
        dict set ::joined $pin [lindex $pins 0]
    }
    fact net {*}$pins
}
proc connect_bd_net {args} { join_pins $args }
proc connect_bd_intf_net {args} {
    if {[llength $args] != 2} { refuse "an interface connects two: $args" }
    foreach pin $args {
        if {[dict exists $::joined $pin]} { refuse "$pin is connected twice" }
    }
    join_pins $args
}
proc apply_bd_automation {args} {
    rest $args {-rule 1 -config 1}
    if {[string match *processing_system7 [value $args -rule]]} {
        foreach name {DDR FIXED_IO} { dict set ::ports $name bus; dict set ::joined ps/$name $name }
    }
}
proc get_bd_addr_spaces {space} {
    lassign [split $space /] cell name
    set known {xdma {M_AXI_LITE} processing_system7 {Data} zynq_ultra_ps_e {Data}
        axi_dma {Data_MM2S Data_S2MM}}
    if {$name ni [dict get $known [dict get $::cells $cell]]} { refuse "no address space $space" }
    return $space
}
proc get_bd_addr_segs {segment} {
    lassign [split $segment /] cell rest
    set known [dict create firebrick s_axil/reg0 axi_dma S_AXI_LITE/Reg]
    set core [dict get $::cells [get_bd_cells $cell]]
    if {![dict exists $known $core] || $segment ne "$cell/[dict get $known $core]"} {
        refuse "no segment $segment"
    }
    return $segment
}
proc assign_bd_address {args} {
    set segment [rest $args {-offset 1 -range 1 -target_address_space 1 -force 0}]
    set space [value $args -target_address_space]
    lappend ::mapped $space
    if {$segment eq {}} { fact all $space; return }
    set offset [expr {[value $args -offset]}]
    set range [expr {[value $args -range]}]
    if {$offset % $range} { refuse "$segment at $offset is not aligned to $range" }
    set last [expr {$offset + $range - 1}]
    foreach {other where from to} $::taken {
        if {$where eq $space && $offset <= $to && $last >= $from} {
            refuse "$segment and $other overlap"
        }
    }
    lappend ::taken $segment $space $offset $last
    fact address $segment $offset $range
}

# After the block design: every pin of the core, every clock and reset, is connected.
proc check_connected {} {
    foreach {name core} $::cells {
        foreach pin [pins_of $core 0] {
            set needed [expr {$core eq {firebrick} || [regexp {(aclk|_clk|_aclk)$} $pin]}]
            # Second clocks and the raw reference clock are there for some.
            if {$pin in {aclk1 sys_clk_gt}} { set needed 0 }
            # Each input of what gathers interrupts, and where it goes.
            if {$core eq {xlconcat}} { set needed 1 }
            if {![enabled $name $core $pin]} { set needed 0 }
            if {$needed && ![dict exists $::joined $name/$pin]} { refuse "$name/$pin is open" }
        }
        if {$core eq {firebrick}} {
            foreach bus [pins_of $core 1] {
                if {![dict exists $::joined $name/$bus]} { refuse "$name/$bus is open" }
            }
            # The slave that answers it has an address.
            if {[lsearch -exact $::taken $name/s_axil/reg0] < 0} { refuse "$name has no address" }
        }
        # Streams that are enabled lead somewhere.
        if {$core in {xdma axi_dma}} {
            foreach bus [pins_of $core 1] {
                if {[enabled $name $core $bus] && ![dict exists $::joined $name/$bus]} {
                    refuse "$name/$bus is open"
                }
            }
        }
    }
    foreach {name kind} $::ports {
        if {$kind eq {bus} && ![dict exists $::joined $name] && $name ni {DDR FIXED_IO}} {
            refuse "port $name is open"
        }
    }
}
proc generate_target {args} { check_connected }

# Constraints: their commands refuse ports that the design does not have.
proc get_ports {name} {
    regsub {\[\d+\]$} $name {} base
    if {![dict exists $::ports $base] || [dict get $::ports $base] ne 1} { refuse "constraint: no port $name" }
    fact constrained $name
    return $name
}
proc get_cells {args} {
    rest $args {-hierarchical 0 -regexp 0 -filter 1}
    if {"-filter" ni $args} { return cells }
    if {![regexp {^NAME =~ \*(\w+)/inst$} [value $args -filter] -> cell]} { return cells }
    if {![dict exists $::cells $cell]} { refuse "constraint: no cell $cell" }
    return $cell
}
proc current_design {} { return design }
proc create_clock {args} {
    rest $args {-name 1 -period 1}
    fact clock [value $args -name] [value $args -period]
}
proc set_false_path {args} { rest $args {-from 1 -to 1} }
proc create_pblock {name} { return $name }
proc resize_pblock {name args} { fact pblock $name [string trim [lindex $args end]] }
proc add_cells_to_pblock {name cells} { fact placed $cells $name }
proc set_operating_conditions {args} { rest $args {-design_power_budget 1} }
proc read_xdc {file} { source [existing $file] }

# Implementation and reports.
proc synth_design {args} { rest $args {-top 1 -part 1 -directive 1}; fact synthesis [value $args -top] [value $args -part] }
foreach name {opt_design place_design phys_opt_design route_design write_checkpoint
        report_utilization report_timing_summary report_clock_interaction report_cdc report_drc
        report_power write_bitstream write_hw_platform} {
    proc $name {args} [list fact step $name]
}

set argv {}
source $script
