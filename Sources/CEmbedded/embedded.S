// The files of data/ inside the executable. Each name has a pointer to its first byte and one behind its last, in
// .data.rel.ro so that position-independent code may hold them.
.macro embed name, file
    .section .rodata
    .balign 16
\name\()_bytes:
    .incbin "\file"
\name\()_bytes_end:
    .byte 0
    .section .data.rel.ro, "aw"
    .balign 8
    .globl \name\()_start
    .globl \name\()_end
\name\()_start:
    .quad \name\()_bytes
\name\()_end:
    .quad \name\()_bytes_end
.endm

embed buzon_text, "text.tsv"

    .section .note.GNU-stack, "", @progbits
