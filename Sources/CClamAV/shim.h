#include <malloc.h>
#include <clamav.h>
#include <libfreshclam.h>
