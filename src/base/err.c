/* err.c: filling an error value. */
#include "nscan/err.h"

#include <stdarg.h>
#include <stdio.h>

bool err_set(struct err *err, enum err_code code, const char *format, ...)
{
	va_list args;

	if (!err)
		return false;
	err->code = code;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return false;
}
