/* read.c: -r: whose capture it is decides who reads it. */
#include "read.h"

#include "fail.h"
#include "overwrite.h"
#include "playback.h"

int read_main(const struct options *options)
{
	struct err err = {0};
	struct capture_file *first = NULL;

	if (overwrite_check(options, &options->captures, "-r", &err))
		first = capture_file_open(options->captures.texts[0], &err);
	if (!first)
		return fail(&err);
	if (options->captures.count == 1 && journal_is_record(first))
		return playback_main(options, first);
	return observe_main(options, first);
}
