/* icmp.c: the ICMP errors of both families, one row for each type and code. */
#include "nscan/wire.h"

#include <stddef.h>

/* Stands in a row for every code that has no row of its own, and comes after those. */
enum { ANY_CODE = 255 };
enum { ICMP6_UNREACHABLE = 1, ICMP6_TOO_BIG = 2, ICMP6_TIME_EXCEEDED = 3, ICMP6_PARAMETER_PROBLEM = 4 };

/* Names are nmap's where it has one. Only an error that says "there is no way to that host" has host_gone: a
 * prohibition, or a complaint about the route that the source chose, says nothing about whether the host lives. */
static const struct icmp_row icmp_rows[] = {
        /* RFC 792; codes 6 to 12 RFC 1122 3.2.2.1; 13 to 15 RFC 1812 5.2.7.1 */
        {4, ICMP4_UNREACHABLE, 0, ICMP_MEANS_FILTERED, true, "net-unreach"},
        {4, ICMP4_UNREACHABLE, 1, ICMP_MEANS_FILTERED, true, "host-unreach"},
        {4, ICMP4_UNREACHABLE, 2, ICMP_MEANS_FILTERED, false, "proto-unreach"},
        {4, ICMP4_UNREACHABLE, ICMP4_CODE_PORT, ICMP_MEANS_PORT_CLOSED, false, "port-unreach"},
        {4, ICMP4_UNREACHABLE, ICMP4_CODE_FRAGMENTATION_NEEDED, ICMP_MEANS_TOO_BIG, false, "frag-needed"},
        {4, ICMP4_UNREACHABLE, 5, ICMP_MEANS_FILTERED, false, "source-route-failed"},
        {4, ICMP4_UNREACHABLE, 6, ICMP_MEANS_FILTERED, true, "net-unknown"},
        {4, ICMP4_UNREACHABLE, 7, ICMP_MEANS_FILTERED, true, "host-unknown"},
        {4, ICMP4_UNREACHABLE, 8, ICMP_MEANS_FILTERED, false, "source-isolated"},
        {4, ICMP4_UNREACHABLE, 9, ICMP_MEANS_FILTERED, false, "net-prohibited"},
        {4, ICMP4_UNREACHABLE, 10, ICMP_MEANS_FILTERED, false, "host-prohibited"},
        {4, ICMP4_UNREACHABLE, 11, ICMP_MEANS_FILTERED, true, "net-unreach-tos"},
        {4, ICMP4_UNREACHABLE, 12, ICMP_MEANS_FILTERED, true, "host-unreach-tos"},
        {4, ICMP4_UNREACHABLE, 13, ICMP_MEANS_FILTERED, false, "admin-prohibited"},
        {4, ICMP4_UNREACHABLE, 14, ICMP_MEANS_FILTERED, false, "precedence-violation"},
        {4, ICMP4_UNREACHABLE, 15, ICMP_MEANS_FILTERED, false, "precedence-cutoff"},
        {4, ICMP4_UNREACHABLE, ANY_CODE, ICMP_MEANS_FILTERED, false, "dest-unreach"},
        /* RFC 6633 and RFC 1122 3.2.2.2: neither says that the datagram did not arrive */
        {4, ICMP4_SOURCE_QUENCH, ANY_CODE, ICMP_MEANS_NOTHING, false, "source-quench"},
        {4, ICMP4_REDIRECT, ANY_CODE, ICMP_MEANS_NOTHING, false, "redirect"},
        {4, ICMP4_TIME_EXCEEDED, 1, ICMP_MEANS_REASSEMBLY, false, "reassembly-time-exceeded"},
        {4, ICMP4_TIME_EXCEEDED, ANY_CODE, ICMP_MEANS_FILTERED, false, "time-exceeded"},
        {4, ICMP4_PARAMETER_PROBLEM, ANY_CODE, ICMP_MEANS_FILTERED, false, "param-problem"},
        /* RFC 4443 3 */
        {6, ICMP6_UNREACHABLE, 0, ICMP_MEANS_FILTERED, true, "no-route"},
        {6, ICMP6_UNREACHABLE, 1, ICMP_MEANS_FILTERED, false, "admin-prohibited"},
        {6, ICMP6_UNREACHABLE, 2, ICMP_MEANS_FILTERED, true, "beyond-scope"},
        {6, ICMP6_UNREACHABLE, 3, ICMP_MEANS_FILTERED, true, "addr-unreach"},
        {6, ICMP6_UNREACHABLE, 4, ICMP_MEANS_PORT_CLOSED, false, "port-unreach"},
        {6, ICMP6_UNREACHABLE, 5, ICMP_MEANS_FILTERED, false, "failed-policy"},
        {6, ICMP6_UNREACHABLE, 6, ICMP_MEANS_FILTERED, true, "reject-route"},
        {6, ICMP6_UNREACHABLE, ANY_CODE, ICMP_MEANS_FILTERED, false, "dest-unreach"},
        {6, ICMP6_TOO_BIG, ANY_CODE, ICMP_MEANS_TOO_BIG, false, "packet-too-big"},
        {6, ICMP6_TIME_EXCEEDED, 1, ICMP_MEANS_REASSEMBLY, false, "reassembly-time-exceeded"},
        {6, ICMP6_TIME_EXCEEDED, ANY_CODE, ICMP_MEANS_FILTERED, false, "time-exceeded"},
        {6, ICMP6_PARAMETER_PROBLEM, ANY_CODE, ICMP_MEANS_FILTERED, false, "param-problem"},
};

const struct icmp_row *icmp_lookup(uint8_t family, uint8_t type, uint8_t code)
{
	for (size_t i = 0; i < sizeof(icmp_rows) / sizeof(icmp_rows[0]); i++) {
		const struct icmp_row *row = &icmp_rows[i];

		if (row->family == family && row->type == type && (row->code == code || row->code == ANY_CODE))
			return row;
	}
	return NULL;
}
