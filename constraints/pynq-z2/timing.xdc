# Firebrick: timing of pynq-z2.
#
# Nothing to add: the only clock of the fabric is the processor's FCLK_CLK0, whose constraint comes
# with the processor; there are no crossings, no false and no multicycle paths.
