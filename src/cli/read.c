/* read.c: -r: whose capture it is decides who reads it. */
#include "read.h"

#include "fail.h"

int read_main(const struct options *options)
{
	struct err err = {0};
	struct capture_file *first = capture_file_open(options->captures.texts[0], &err);

	if (!first)
		return fail(&err);
	return observe_main(options, first);
}
