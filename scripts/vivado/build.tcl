# Firebrick: from a generated folder to a bitstream, without a project.
#
#     vivado -mode batch -source vivado/build.tcl [-tclargs MHZ FOLDER]
#
# Written for Vivado 2023.2. Packages the core, builds the block design of system.tcl around it,
# synthesises, places and routes for speed; results and reports go to the folder `build`, or FOLDER, and
# the slack to `slack.txt` there. MHZ replaces the clock of settings.tcl. Stops at the first error, and
# before the bitstream when timing is not met: the exit code is not 0 then.

set root [file normalize [file join [file dirname [info script]] ..]]
source [file join $root vivado settings.tcl]
source [file join $root vivado package.tcl]
source [file join $root vivado system.tcl]

set out [file join $root build]
if {![info exists argv]} { set argv {} }
if {[llength $argv] > 0} { set core_mhz [lindex $argv 0] }
if {[llength $argv] > 1} { set out [file normalize [lindex $argv 1]] }
file mkdir $out

# The core as IP: a block design without project takes packaged cores only.
package_core $root $part [file join $out ip]

create_project -in_memory -part $part
if {$board_part ne {}} {
    # Newest installed revision; without the board's files the preset of its processor is missing.
    set found [lindex [lsort [get_board_parts -quiet $board_part]] end]
    if {$found eq {}} {
        if {$needs_board_files} {
            error "no board files match $board_part: install them from Vivado's store, then try again"
        }
    } else {
        set_property board_part $found [current_project]
    }
}
set_property ip_repo_paths [file join $out ip] [current_project]
update_ip_catalog

create_bd_design -dir $out system
build_system
validate_bd_design
save_bd_design

set design [get_files system.bd]
set_property synth_checkpoint_mode None $design
generate_target all $design
read_verilog [make_wrapper -files $design -top]
foreach {file order} $constraint_files {
    read_xdc [file join $root $file]
    set_property processing_order $order [get_files [file join $root $file]]
}

synth_design -top system_wrapper -part $part -directive PerformanceOptimized
write_checkpoint -force [file join $out synthesis.dcp]
report_utilization -hierarchical -file [file join $out synthesis_utilization.rpt]
opt_design -directive Explore
place_design -directive ExtraTimingOpt
phys_opt_design -directive AggressiveExplore
route_design -directive AggressiveExplore
phys_opt_design -directive AggressiveExplore
write_checkpoint -force [file join $out routed.dcp]
report_timing_summary -file [file join $out timing.rpt]
report_utilization -hierarchical -file [file join $out utilization.rpt]
report_clock_interaction -file [file join $out clock_interaction.rpt]
report_cdc -file [file join $out cdc.rpt]
report_drc -file [file join $out drc.rpt]
report_power -file [file join $out power.rpt]

set slack [get_property SLACK [get_timing_paths -max_paths 1 -setup]]
set hold [get_property SLACK [get_timing_paths -max_paths 1 -hold]]
set file [open [file join $out slack.txt] w]
puts $file "$core_mhz $slack $hold"
close $file
if {$slack < 0 || $hold < 0} {
    error "timing is not met: setup slack $slack ns, hold slack $hold ns; see $out/timing.rpt,\
        and lower core_mhz ($core_mhz) in vivado/settings.tcl, or let vivado/clocks.tcl search"
}
write_bitstream -force [file join $out firebrick.bit]
write_hw_platform -fixed -include_bit -force [file join $out firebrick.xsa]
puts "firebrick: $preset ($hash) for $board at $core_mhz MHz: $out/firebrick.bit, slack $slack ns"
