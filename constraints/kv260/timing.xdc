# Firebrick: timing of kv260.
#
# Nothing to add: the only clock of the fabric is the processor's pl_clk0, whose constraint comes
# with the processor; there are no crossings, no false and no multicycle paths.
