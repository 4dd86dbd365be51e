# Firebrick: packages the core as IP.
#
# Sourced by build.tcl. Alone, it leaves the core in the folder `ip`, for a repository of cores:
#
#     vivado -mode batch -source vivado/package.tcl
#
# Written for Vivado 2023.2.

# Verilog files of the generated folder `root`.
proc sources {root} {
    set list [open [file join $root firebrick.f]]
    set lines [split [read -nonewline $list] \n]
    close $list
    set files {}
    foreach line $lines {
        if {![string match //* $line]} { lappend files [file join $root $line] }
    }
    return $files
}

# Packages the core of the generated folder `root` for `part` into the folder `to`.
proc package_core {root part to} {
    global register_range version
    file mkdir $to
    create_project -in_memory -part $part
    read_verilog [sources $root]
    set_property top firebrick_top [current_fileset]
    ipx::package_project -root_dir $to -vendor firebrick -library accelerators \
        -taxonomy /Firebrick -import_files -set_current true
    set core [ipx::current_core]
    set_property name firebrick $core
    set_property version $version $core
    set_property display_name {Firebrick} $core
    set_property description {SqueezeNet accelerator} $core
    set_property supported_families [list [get_property family [get_parts $part]] Production] $core
    # Interfaces follow from the attributes in the Verilog; a missing one is an error here.
    foreach bus {s_axil s_axis m_axis aclk aresetn irq} {
        if {[ipx::get_bus_interfaces $bus -of_objects $core] eq {}} {
            error "the packager did not recognise interface $bus of firebrick_top"
        }
    }
    # One block of registers.
    ipx::remove_all_memory_map $core
    set map [ipx::add_memory_map s_axil $core]
    set_property slave_memory_map_ref s_axil [ipx::get_bus_interfaces s_axil -of_objects $core]
    set block [ipx::add_address_block reg0 $map]
    set_property range $register_range $block
    set_property width 32 $block
    set_property usage register $block
    ipx::update_checksums $core
    ipx::check_integrity $core
    ipx::save_core $core
    close_project
}

if {![info exists root]} {
    set root [file normalize [file join [file dirname [info script]] ..]]
    source [file join $root vivado settings.tcl]
    package_core $root $part [file join $root ip]
}
