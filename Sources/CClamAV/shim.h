#include <clamav.h>
#include <libfreshclam.h>
