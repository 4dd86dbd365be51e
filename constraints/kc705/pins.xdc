# Firebrick: pins of kc705 (xc7k325tffg900-2).
#
# Source: LiteX-Boards, litex_boards/platforms/xilinx_kc705.py (github.com/litex-hub/litex-boards),
# which follows AMD UG810, "KC705 Evaluation Board". The lanes need no constraint here: XDMA places
# its transceivers for this part as the board has them, lane 0 at GTXE2_CHANNEL_X0Y7.
set_property PACKAGE_PIN U8 [get_ports {pcie_refclk_clk_p[0]}]
set_property PACKAGE_PIN U7 [get_ports {pcie_refclk_clk_n[0]}]
set_property -dict {PACKAGE_PIN G25 IOSTANDARD LVCMOS25 PULLUP TRUE} [get_ports pcie_perst_n]

# Configuration banks at 2.5 V.
set_property CFGBVS VCCO [current_design]
set_property CONFIG_VOLTAGE 2.5 [current_design]
set_property BITSTREAM.GENERAL.COMPRESS TRUE [current_design]
