# Firebrick: timing of nitefury.
#
# The link's reference clock is the only clock from outside; XDMA makes its own from it, and the
# core's comes from that through an MMCM, with a constraint that the clocking wizard brings.
create_clock -name pcie_refclk -period 10.000 [get_ports {pcie_refclk_clk_p[0]}]

# PERST# comes at any time; XDMA synchronises it.
set_false_path -from [get_ports pcie_perst_n]

# No asynchronous groups: whatever crosses between the link's clock and the core's goes through
# FIFOs, an interconnect and a synchroniser that constrain their own paths, and a group would
# override those. The core itself has no false and no multicycle path.

# A constant.
set_false_path -to [get_ports pcie_clkreq_n]
