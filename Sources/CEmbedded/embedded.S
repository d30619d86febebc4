// The files of data/ inside the executable. Each has a start and an end symbol; the pointers stand in .data.rel.ro so
// that position-independent code may import them.
    .section .note.GNU-stack,"",@progbits
