/* options_help.c: --help, printed from the option table. */
#include <string.h>

#include "nscan/options.h"

static const char *const group_titles[GROUP_COUNT] = {
        [GROUP_SCAN] = "What to find out",
        [GROUP_TARGETS] = "Targets: 192.168.0.100-200  10.0-3.1,7.*  10.0.0.0/22  10.0.0.7-10.0.1.20  host.example",
        [GROUP_DISCOVERY] = "How to find out who is up (default: ARP on the link, echo, timestamp and UDP beyond it)",
        [GROUP_PORTS] = "Ports (default: the 100 UDP ports that matter most)",
        [GROUP_SOURCE] = "Where from (default: as the routes have it)",
        [GROUP_PROBE] = "What is in the probe",
        [GROUP_SPEED] = "How fast",
        [GROUP_WATCH] = "Watching and waiting",
        [GROUP_PING] = "Ping: nscan --ping [-p PORT] [options] host",
        [GROUP_OUTPUT] = "What is shown",
        [GROUP_OTHER] = "Other",
};

/* "-h, --help", "-PU[PORTS]", "-p PORTS" */
static void left_column(const struct option_row *row, char *out, size_t room)
{
	const char *value = row->value ? row->value : "";

	if (row->alias)
		snprintf(out, room, "%s, %s", row->alias, row->name);
	else if (row->place == VALUE_ATTACHED)
		snprintf(out, room, "%s[%s]", row->name, value);
	else
		snprintf(out, room, "%s%s%s", row->name, *value ? " " : "", value);
}

void options_help(FILE *out)
{
	fputs("Usage: nscan [-sn | -sU] [options] target...\n"
	      "Says which addresses are inactive and, for each host that is up, which UDP ports are open, closed or "
	      "filtered, and why.\n",
	      out);
	for (int group = 0; group < GROUP_COUNT; group++) {
		fprintf(out, "\n%s\n", group_titles[group]);
		for (size_t i = 0; i < option_row_count; i++) {
			const struct option_row *row = &option_rows[i];
			char left[64];

			if ((int)row->group != group || !row->help)
				continue;
			left_column(row, left, sizeof(left));
			fprintf(out, "  %-29s %s\n", left, row->help);
		}
	}
	fputs("\nExamples\n"
	      "  nscan -sU 192.168.0.100-200            hosts and UDP ports of a stretch of the LAN\n"
	      "  nscan -sn 10.0.0.0/16 -oJ hosts.jsonl  who is up in a large network\n"
	      "  nscan -p 53,161,500 -oA audit -iL hosts.txt\n"
	      "\nNeeds root or CAP_NET_RAW. The manual: man nscan\n",
	      out);
}
