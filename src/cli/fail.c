/* fail.c: what the program has to say on standard error, one line each; an error ends up as such a line and an exit status. */
#include "fail.h"

#include <stdio.h>
#include <string.h>

#include "nscan/report.h"

enum { LINE_BYTES = 1024 };

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

void say_line_of(const char *format, va_list args)
{
	char line[LINE_BYTES];

	vsnprintf(line, sizeof(line), format, args);
	fputs("nscan: ", stderr);
	print_printable(stderr, line, strlen(line));
	fputc('\n', stderr);
}

void say_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_line_of(format, args);
	va_end(args);
}

int fail(const struct err *err)
{
	say_line("%s", err->text);
	return exit_status(err->code);
}
