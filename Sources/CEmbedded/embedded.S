// The files of data/ inside the executable. Each has a start and an end symbol; the pointers stand in .data.rel.ro so
// that position-independent code may import them.
    .macro embed name, file
    .section .rodata.buzon_\name, "a", @progbits
    .balign 16
.Lbuzon_\name\()_first:
    .incbin "\file"
.Lbuzon_\name\()_last:
    .byte 0
    .section .data.rel.ro, "aw", @progbits
    .balign 8
    .globl buzon_\name\()_start, buzon_\name\()_end
    .type buzon_\name\()_start, @object
    .type buzon_\name\()_end, @object
    .size buzon_\name\()_start, 8
    .size buzon_\name\()_end, 8
buzon_\name\()_start: .quad .Lbuzon_\name\()_first
buzon_\name\()_end: .quad .Lbuzon_\name\()_last
    .endm

    embed schema, "schema.sql"
    embed schema_2, "schema-2.sql"
    embed schema_3, "schema-3.sql"
    embed text, "text.tsv"

    .section .note.GNU-stack,"",@progbits
