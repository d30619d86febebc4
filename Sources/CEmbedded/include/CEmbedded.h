/* Where the files of data/ lie inside the executable: from start up to, not including, end. */
extern const unsigned char *const buzon_schema_start, *const buzon_schema_end;
extern const unsigned char *const buzon_schema_2_start, *const buzon_schema_2_end;
extern const unsigned char *const buzon_schema_3_start, *const buzon_schema_3_end;

/* Calls of Linux that the C library shows under _GNU_SOURCE only, which Swift's Glibc module lacks. */
extern int fallocate(int descriptor, int mode, long offset, long length);
/* From <malloc.h>, which it lacks too. */
extern int malloc_trim(unsigned long keep);

struct iovec;
extern long preadv2(int descriptor, const struct iovec *pieces, int count, long offset, int flags);
extern long copy_file_range(int source, long *source_offset, int target, long *target_offset, unsigned long count, unsigned flags);

// Texts for people (key, English, Spanish).
extern const unsigned char *const buzon_text_start, *const buzon_text_end;
