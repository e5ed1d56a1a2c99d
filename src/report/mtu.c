/* mtu.c: what the path to a host carries, in words. */
#include "mtu.h"

#include <inttypes.h>

static void print_how(FILE *out, const struct mtu_event *mtu)
{
	char from[ADDR_TEXT_BYTES];

	switch (mtu->how) {
	case MTU_BY_INTERFACE:
		fputs(" (as the interface", out);
		break;
	case MTU_BY_CLAIM:
		fprintf(out, " (fragmentation-needed from %s", addr_format(&mtu->from, from));
		break;
	case MTU_BY_SEARCH:
		fputs(mtu->black_hole ? " (searched: black hole" : " (searched", out);
		break;
	}
	fputs(mtu->verified ? ", verified)" : ", not verified)", out);
}

static void print_fragments(FILE *out, const struct mtu_event *mtu)
{
	static const char *const words[3][3] = {
	        [FRAGMENTS_UNKNOWN] = {"", "; its fragments pass", "; its fragments are dropped"},
	        [FRAGMENTS_PASS] = {"; fragments pass towards it", "; fragments pass both ways",
	                            "; fragments pass towards it, its own are dropped"},
	        [FRAGMENTS_DROPPED] = {"; fragments towards it are dropped",
	                               "; fragments towards it are dropped, its own pass",
	                               "; fragments are dropped both ways"},
	};

	fputs(words[mtu->to_host][mtu->from_host], out);
}

static void print_details(FILE *out, const struct mtu_event *mtu)
{
	if (mtu->reversed != FRAGMENTS_UNKNOWN)
		fprintf(out, ", in reversed order %s", mtu->reversed == FRAGMENTS_PASS ? "too" : "not");
	if (mtu->tiny_first != FRAGMENTS_UNKNOWN)
		fprintf(out, ", with 8 bytes in the first %s", mtu->tiny_first == FRAGMENTS_PASS ? "too" : "not");
	if (mtu->has_reply_df)
		fprintf(out, "; its replies %s fragmentation", mtu->reply_df ? "forbid" : "allow");
	if (mtu->method)
		fprintf(out, "; asked by %s", mtu->method);
	if (mtu->probes)
		fprintf(out, ", %" PRIu32 " packet%s", mtu->probes, mtu->probes == 1 ? "" : "s");
}

void print_mtu(FILE *out, const struct mtu_event *mtu, bool details)
{
	if (mtu->path_mtu == 0) {
		fputs("Path MTU not known: nothing that tells it was answered", out);
	} else {
		fprintf(out, "Path MTU %" PRIu32, mtu->path_mtu);
		print_how(out, mtu);
	}
	if (mtu->return_mtu)
		fprintf(out, ", %" PRIu32 " on the way back", mtu->return_mtu);
	print_fragments(out, mtu);
	if (details)
		print_details(out, mtu);
}
