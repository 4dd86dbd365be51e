# Firebrick: pins of pynq-z2 (xc7z020clg400-1).
#
# None: memory and all peripherals hang on the processor, whose pins are fixed. Their settings come
# from TUL's board files (tul.com.tw:pynq-z2), which Vivado's store offers.
