/* timing.c: -T, nmap's templates: each a set of values for other options. */
#include <stdlib.h>
#include <string.h>

#include "nscan/options.h"
#include "nscan/values.h"

/* What a template sets where the option itself is not given; 0 and -1: nothing. */
struct timing {
	const char *name;
	double max_rate;
	double max_host_rate;
	int max_retries;
	int64_t host_timeout_s;
};

/* The manual page has the same table. */
static const struct timing timings[] = {
        {.name = "paranoid", .max_rate = 0.2, .max_host_rate = 0.2, .max_retries = -1},
        {.name = "sneaky", .max_rate = 1, .max_host_rate = 1, .max_retries = -1},
        {.name = "polite", .max_rate = 20, .max_host_rate = 2.5, .max_retries = -1},
        {.name = "normal", .max_retries = -1},
        {.name = "aggressive", .max_retries = 2},
        {.name = "insane", .max_retries = 1, .host_timeout_s = 15 * 60},
};

enum { TIMING_COUNT = sizeof(timings) / sizeof(timings[0]) };

bool option_timing(struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	uint64_t number;
	size_t i;

	for (i = 0; i < TIMING_COUNT; i++) {
		if (strcasecmp(value, timings[i].name) == 0 || (value_number(value, &number) && number == i))
			break;
	}
	if (i == TIMING_COUNT)
		return err_set(err, ERR_USAGE,
		               "%s %s: give 0 to 5, or paranoid, sneaky, polite, normal, aggressive or insane",
		               row->name, value);
	options->has_timing = true;
	options->timing = (int)i;
	return true;
}

void options_apply_timing(struct options *options)
{
	const struct timing *timing = &timings[options->timing];

	if (!options->has_timing)
		return;
	options->max_host_rate = timing->max_host_rate;
	if (options->max_rate <= 0)
		options->max_rate = timing->max_rate;
	if (options->host_timeout_ns == 0)
		options->host_timeout_ns = timing->host_timeout_s * 1000000000;
	if (!options->has_max_retries && timing->max_retries >= 0) {
		options->has_max_retries = true;
		options->max_retries = (uint64_t)timing->max_retries;
	}
}
