/* observe_run.c: -r with anybody's capture. */
#include "fail.h"
#include "read.h"

int observe_main(const struct options *options, struct capture_file *first)
{
	struct err err;

	(void)options;
	err_set(&err, ERR_SYSTEM, "%s: is not a record of nscan's own", capture_file_name(first));
	capture_file_close(first);
	return fail(&err);
}
