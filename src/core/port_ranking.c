/* port_ranking.c: how much each UDP port is worth asking.
 *
 * The ranking is nscan's own. It counts no packets: a port stands high when (1) it is common on the networks of 2026, (2)
 * its exposure matters to who runs the network (it leaks, amplifies, lets itself be controlled, opens a way in, or should
 * simply not be there), and (3) asking it gives a sure answer, because the protocol has a harmless request that every
 * server answers. Protocols that are silent by design (WireGuard, syslog, traps, VXLAN) stand where (1) and (2) put them:
 * on a host that refuses elsewhere their silence tells. What a machine opens by chance (ephemeral ports) comes last. */
#include "services.h"

/* First is most worth asking. 30 make the fast list, 100 the default one. */
const uint16_t service_ranking[] = {
        /* The fast 30. Infrastructure that every network has, and what leaks, amplifies or gives control when it is exposed. */
        53, 161, 123, 67, 137, 5353, 1900, 500, 69, 514, 111, 4500, 389, 5060, 443, 623, 3478, 1194, 51820, 162, 68,
        138, 3702, 5355, 1812, 11211, 1434, 88, 3389, 5683,
        /* Tunnels, printing, file service, address translation, routing and sign-on. */
        1701, 631, 2049, 5351, 1813, 4789, 520, 10001, 47808, 177, 853, 427, 464, 547, 546, 1645, 1646, 3799,
        /* Small services of old: each of them alone is a finding. */
        19, 7, 17, 13, 37, 9,
        /* Mobile cores, wireless controllers, flow export, overlays. */
        2123, 2152, 5246, 5247, 6343, 2055, 8472, 41641, 9993, 3544,
        /* Remote control and plant: no authentication worth the name, and things move when they are told to. */
        3283, 5632, 44818, 20000, 3671, 48899, 34964, 17185, 5684, 4433, 5678, 37810,
        /* Voice and media, web over QUIC, clusters and their measurements, time, backup, databases. */
        5061, 4569, 2427, 1719, 5004, 10000, 80, 8443, 7946, 8125, 3784, 862, 323, 523, 10080, 7001,
        /* Players and sharers, which an administrator wants to know of on a network meant for work. */
        6881, 27015, 19132, 9987, 64738, 27960, 8303, 30000,
        /* From here on beyond the default list. Windows and Unix of old, remote procedure calls. */
        135, 139, 445, 42, 49, 512, 513, 517, 518, 593, 750, 749, 1512, 1604, 4045, 20048, 875, 32768, 32771, 635,
        /* Monitoring, logging and management. */
        6514, 5140, 1514, 12201, 25826, 4739, 9995, 9996, 2056, 8649, 6831, 6832, 199, 664, 10161, 10162, 3493, 3052,
        902, 5093,
        /* Routing, redundancy, clocks and tunnels between routers. */
        319, 320, 521, 646, 694, 496, 1985, 3222, 3785, 4784, 698, 6696, 1967, 6081, 4790, 8805, 3386, 2067, 4341, 4342,
        6635, 4754, 5350,
        /* Names and addresses by other doors. */
        784, 8853, 5354, 5300, 1053,
        /* Virtual private networks and remote desktops. */
        51821, 1195, 1196, 655, 4242, 10443, 4172, 2598, 1494, 3391, 5938, 7070, 21116,
        /* Clusters and container networks. */
        8301, 8302, 8600, 4648, 5405, 5404, 8285, 6783, 6784, 54327, 45588,
        /* Voice and media, second row. */
        1718, 2727, 2944, 2945, 3479, 5349, 5062, 5080, 5005, 16384, 19302, 554, 8554, 1755, 1234, 6970,
        /* Plant, buildings and cameras. */
        502, 2222, 34962, 34963, 34980, 9600, 5094, 1089, 4840, 30718, 4800, 5006, 5007, 20547, 1740, 18246, 37020,
        34569, 32100, 9100,
        /* Things: lights, plugs, vacuum cleaners, printers, screens. */
        9999, 20002, 6666, 6667, 38899, 56700, 54321, 1982, 5540, 6454, 5568, 3289, 8610, 8611, 8612, 54925, 1124,
        65001, 1884,
        /* Home servers and file sharing. */
        21027, 22000, 51413, 17500, 57621, 32410, 32414, 7359, 9777, 47998, 27036, 4672, 4665, 6346, 6771, 6969, 30303,
        4001, 9000,
        /* Games. */
        25565, 27016, 27005, 2302, 2303, 7777, 7778, 2456, 2457, 28015, 34197, 26000, 28960, 3074, 6112, 16261, 8211,
        3979,
        /* What machines open by chance: the first ephemeral ports of old and new systems. */
        1025, 1026, 1027, 49152, 49153, 49154};
const size_t service_ranking_count = sizeof(service_ranking) / sizeof(service_ranking[0]);
