# Firebrick: pins of alveo-u50 (xcu50-fsvh2104-2-e).
#
# Source: Corundum, fpga/lib/pcie/example/AU50/fpga/fpga.xdc (github.com/corundum/corundum), which
# follows AMD's board file. Lanes 0 to 3 are in quad 227, placed by XDMA.
set_property PACKAGE_PIN AF9 [get_ports {pcie_refclk_clk_p[0]}]
set_property PACKAGE_PIN AF8 [get_ports {pcie_refclk_clk_n[0]}]
set_property -dict {PACKAGE_PIN AW27 IOSTANDARD LVCMOS18 PULLUP TRUE} [get_ports pcie_perst_n]

# Over-temperature of the HBM stacks, which are not used: high or floating, it cuts the card's power.
set_property -dict {PACKAGE_PIN J18 IOSTANDARD LVCMOS18} [get_ports hbm_cattrip]

# Configuration from a quad SPI flash.
set_property CONFIG_VOLTAGE 1.8 [current_design]
set_property CONFIG_MODE SPIx4 [current_design]
set_property BITSTREAM.CONFIG.SPI_BUSWIDTH 4 [current_design]
set_property BITSTREAM.CONFIG.SPI_32BIT_ADDR YES [current_design]
set_property BITSTREAM.CONFIG.SPI_FALL_EDGE YES [current_design]
set_property BITSTREAM.CONFIG.CONFIGRATE 85.0 [current_design]
set_property BITSTREAM.CONFIG.EXTMASTERCCLK_EN DISABLE [current_design]
set_property BITSTREAM.CONFIG.UNUSEDPIN PULLUP [current_design]
set_property BITSTREAM.GENERAL.COMPRESS TRUE [current_design]

# The card's power supply: the tools warn when the estimate exceeds it.
set_operating_conditions -design_power_budget 63
