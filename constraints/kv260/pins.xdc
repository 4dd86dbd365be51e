# Firebrick: pins of kv260 (xck26-sfvc784-2LV-c).
#
# None: memory and all peripherals hang on the processor, whose pins are fixed. Their settings come
# from AMD's board files (xilinx.com:kv260_som), which Vivado's store offers.
