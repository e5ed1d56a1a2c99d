/* overwrite.h: a slip of the finger must not cost the file that is read. */
#ifndef NSCAN_CLI_OVERWRITE_H
#define NSCAN_CLI_OVERWRITE_H

#include "nscan/options.h"

/* Both are there and are the same regular file, whatever their names; "-" is standard input for the first and no file for the second. */
bool is_same_file(const char *input, const char *output);
/* Refuses (ERR_USAGE) an output, the record of -w among them, that would write over one of the inputs; `option` is what names these.
 * An output that goes on where it ended (--resume) is none such. */
bool overwrite_check(const struct options *options, const struct text_list *inputs, const char *option,
                     struct err *err);

#endif
