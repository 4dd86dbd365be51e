# Firebrick: pins of alveo-u200 (xcu200-fsgd2104-2-e).
#
# Source: Corundum, fpga/lib/pcie/example/AU200/fpga/fpga.xdc (github.com/corundum/corundum), and
# LiteX-Boards, litex_boards/platforms/xilinx_alveo_u200.py; they agree. Lanes 0 to 3 are in quad
# 227, placed by XDMA.
set_property PACKAGE_PIN AM11 [get_ports {pcie_refclk_clk_p[0]}]
set_property PACKAGE_PIN AM10 [get_ports {pcie_refclk_clk_n[0]}]
set_property -dict {PACKAGE_PIN BD21 IOSTANDARD LVCMOS12 PULLUP TRUE} [get_ports pcie_perst_n]

# Configuration from a quad SPI flash.
set_property CONFIG_VOLTAGE 1.8 [current_design]
set_property CONFIG_MODE SPIx4 [current_design]
set_property BITSTREAM.CONFIG.SPI_BUSWIDTH 4 [current_design]
set_property BITSTREAM.CONFIG.SPI_32BIT_ADDR YES [current_design]
set_property BITSTREAM.CONFIG.SPI_FALL_EDGE YES [current_design]
set_property BITSTREAM.CONFIG.CONFIGRATE 63.8 [current_design]
set_property BITSTREAM.CONFIG.EXTMASTERCCLK_EN DISABLE [current_design]
set_property BITSTREAM.CONFIG.UNUSEDPIN PULLUP [current_design]
set_property BITSTREAM.GENERAL.COMPRESS TRUE [current_design]

# The card's power supply: the tools warn when the estimate exceeds it.
set_operating_conditions -design_power_budget 160
