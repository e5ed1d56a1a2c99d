/* fail.c: an error ends up as one line and an exit status. */
#include "fail.h"

#include <stdio.h>

int exit_status(enum err_code code)
{
	static const int statuses[] = {
	        [ERR_NONE] = 0,
	        [ERR_USAGE] = 2,
	        [ERR_SYSTEM] = 1,
	        [ERR_OUTPUT] = 1,
	};

	return statuses[code];
}

int fail(const struct err *err)
{
	fputs("nscan: ", stderr);
	for (const char *c = err->text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			fprintf(stderr, "\\x%02x", (unsigned char)*c);
		else
			fputc(*c, stderr);
	}
	fputc('\n', stderr);
	return exit_status(err->code);
}
