/* The file of the embedded network's weights, as finetune wrote it, linked into the program. */
    .section .rodata
    .balign 64
    .global lc_embedded_file, lc_embedded_file_end
lc_embedded_file:
    .incbin "extractor/models/embedded.safetensors"
lc_embedded_file_end:
    .section .note.GNU-stack, "", %progbits
