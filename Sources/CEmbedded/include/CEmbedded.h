// The files of data/ that are shipped inside the executable: first byte, and the byte behind the last.
#pragma once

extern const unsigned char *const buzon_text_start;
extern const unsigned char *const buzon_text_end;
