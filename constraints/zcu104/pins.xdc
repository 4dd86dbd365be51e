# Firebrick: pins of zcu104 (xczu7ev-ffvc1156-2-e).
#
# None: memory and all peripherals hang on the processor, whose pins are fixed. Their settings come
# from AMD's board files (xilinx.com:zcu104), which Vivado's store offers.
