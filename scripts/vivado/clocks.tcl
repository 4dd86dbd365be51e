# Firebrick: the highest clock at which timing is met.
#
#     vivado -mode batch -source vivado/clocks.tcl [-tclargs MHZ...]
#
# Builds with build.tcl at each of the clocks given, or those of settings.tcl, the highest first, until
# one is met, each in a Vivado of its own and a folder `build-MHZ`. Prints what each reached and, at the
# end, the highest that is met; the exit code is 1 if none is. Takes hours.

set root [file normalize [file join [file dirname [info script]] ..]]
source [file join $root vivado settings.tcl]
if {[info exists argv] && [llength $argv] > 0} { set clocks $argv }
foreach mhz $clocks {
    if {![string is double -strict $mhz] || $mhz <= 0} { error "\"$mhz\" is no clock; give MHz" }
}

set met {}
foreach mhz [lsort -real -decreasing $clocks] {
    set out [file join $root build-$mhz]
    file mkdir $out
    file delete [file join $out slack.txt]
    puts "firebrick: $board at $mhz MHz, log in $out/vivado.log"
    set failed [catch {exec vivado -mode batch -nojournal -log [file join $out vivado.log] \
        -source [file join $root vivado build.tcl] -tclargs $mhz $out >@ stderr 2>@ stderr} reason]
    set slack {}
    if {[file exists [file join $out slack.txt]]} {
        set file [open [file join $out slack.txt]]
        lassign [gets $file] - slack hold
        close $file
    }
    if {$slack eq {}} {
        error "the build at $mhz MHz did not come to an end ($reason); see $out/vivado.log"
    }
    puts "firebrick: $mhz MHz: setup slack $slack ns, hold slack $hold ns"
    if {!$failed} {
        set met $mhz
        break
    }
    if {$slack >= 0 && $hold >= 0} {
        error "timing is met at $mhz MHz, but the build failed ($reason); see $out/vivado.log"
    }
}
if {$met eq {}} {
    puts stderr "firebrick: timing is not met at any of $clocks MHz"
    exit 1
}
puts "firebrick: $preset ($hash) on $board: $met MHz, $root/build-$met/firebrick.bit"
