//! The table of defects.

/// Where a diagnostic must point to within a planted text.
pub(super) const MARK: char = '§';

/// What to plant, each as a text that stands once in the site and the text to put in its place; then the messages that must follow, with
/// `|` between them: one for each mark, or all of them at the one mark.
pub(super) type Defect = (&'static [(&'static str, &'static str)], &'static str);

pub(super) const HEAD: &[Defect] = &[
    (
        &[("format = 1", "§format = 2")],
        "this format of the site file is unknown; this program reads format 1",
    ),
    (&[("realm = \"real\"", "realm = §\"reel\"")], "`reel` is not a word that fits here"),
    (&[("realm = \"real\"", "§realm = \"lab\"")], "a lab without `namespace` could be anywhere"),
    (
        &[("realm = \"real\"", "realm = \"real\"\n§namespace = 1")],
        "only a lab is bound to a network namespace",
    ),
    (
        &[("realm = \"real\"", "realm = \"twin\"\n§namespace = 1")],
        "only a lab is bound to a network namespace",
    ),
    (&[("user = \"samakia\"", "user = \"samakia\"\n§usr = 1")], "unknown key `usr`"),
    (&[("user = \"samakia\"", "user = §7")], "invalid type: integer `7`, expected a string"),
    (
        &[("user = \"samakia\"", "user = §\"root me\"")],
        "`root me` is not a name: letters, digits and `._@:+-`, beginning with a letter or digit, at most 255 bytes",
    ),
    (&[("resolver = \"vip:dns\"", "§resolver = \"vip:dsn\"")], "there is no VIP `dsn`"),
    (&[("resolver = \"vip:dns\"", "§resolver = \"host:dns-auth-3\"")], "there is no host `dns-auth-3`"),
    (
        &[("resolver = \"vip:dns\"", "§resolver = \"addr:192.0.2.1\"")],
        "`addr:192.0.2.1` is neither a VIP nor a host",
    ),
    (&[("identity = \"ssh/operator\"", "§identity = \"ssh/operater\"")], "there is no secret `ssh/operater`"),
    (&[("token = \"proxmox/token\"", "§token = \"proxmox/tokn\"")], "there is no secret `proxmox/tokn`"),
    (
        &[(
            "token = \"proxmox/token\"",
            "§token = \"ssh/agent\"\n[secrets.\"ssh/agent\"]\nagent = \"\"\n[planes.x]",
        )],
        "`ssh/agent` is kept in an ssh-agent, which gives no text away",
    ),
    (
        &[("\"ssh/operator\" = {", "§\"a/b/c\" = { env = \"X\" }\n\"ssh/operator\" = {")],
        "`a/b/c` is not the handle of a secret",
    ),
    (
        &[("\"ssh/operator\" = {", "\"a/b\" = { store = { §key = \"a//b\" } }\n\"ssh/operator\" = {")],
        "`a//b` is not a key: it is one to eight names with `/` between them, such as `proxmox/token`",
    ),
    (
        &[(
            "[secrets]\n\"proxmox",
            "[vaults.main]\naddress = \"192.0.2.9\"\n§authority = \"ca\"\n§namespace = \"a//b\"\n§mount = \"../kv\"\n\
             §token = \"v/two\"\n[secrets]\n\"v/one\" = { vault = { server = \"main\", §path = \"a/../b\" } }\n\
             \"v/two\" = { vault = { §server = \"mian\", path = \"a\" } }\n\"proxmox",
        )],
        "there is no authority `ca`|`a//b` is not a path of Vault|`../kv` is not a path of Vault|`v/two` cannot be read before Vault is|`a/../b` is not a path of Vault|there is no Vault `mian`",
    ),
    (
        &[(
            "[secrets]\n\"proxmox",
            "[s3.other]\naddress = \"192.0.2.9\"\n§authority = \"ca\"\n§access_key = \"o/access\"\n§secret_key = \"o/agent\"\n\
             [s3.same]\naddress = \"192.0.2.9\"\nauthority = \"proxmox-ca\"\naccess_key = \"proxmox/token\"\n\
             §secret_key = \"proxmox/token\"\n[secrets]\n\"o/agent\" = { agent = \"\" }\n\"proxmox",
        )],
        "there is no authority `ca`|there is no secret `o/access`|`o/agent` is kept in an ssh-agent, which gives no text away|`proxmox/token` stands for both keys",
    ),
    (
        &[("[secrets]\n\"proxmox", "[store]\n§identity = { env = \"X\" }\n[secrets]\n\"proxmox")],
        "the identity of a store is in a file or a credential",
    ),
    (&[("authority = \"proxmox-ca\"", "§authority = \"proxmox-cb\"")], "there is no authority `proxmox-cb`"),
    (
        &[("token_id = \"terraform-prov@pve!fabric-token\"", "§token_id = \"terraform-prov@pve\"")],
        "`terraform-prov@pve` is not the id of an API token",
    ),
    (
        &[("gateway = \"192.168.11.1\"\nbridge", "§gateway = \"192.168.12.1\"\nbridge")],
        "the router 192.168.12.1 is not in the LAN 192.168.11.0/24",
    ),
    (
        &[("proxmox1 = { address = \"192.168.11.21\" }", "proxmox1 = { address = §\"192.168.11.256\" }")],
        "invalid IP address syntax",
    ),
];

pub(super) const PLANES: &[Defect] = &[
    (
        &[("samakia-dns = { tag = \"infra\"", "samakia-dns = { §tag = \"Infra\"")],
        "`Infra` cannot be the value of a tag",
    ),
    (&[("vmids = [3100, 3199]", "vmids = [3100, 3199], §golde = 4")], "unknown key `golde`"),
    (&[("vmids = [2100, 2199]", "§vmids = [2199, 2101]")], "the range 2199 to 2101 is empty"),
    (&[("zone = \"zonedns\"", "§zone = \"zone-dns\"")], "`zone-dns` cannot be the id of an SDN zone"),
    (&[("zone = \"zminio\"", "§zone = \"zminiozone\"")], "`zminiozone` cannot be the id of an SDN zone"),
    (&[("tag = 140", "§tag = 4095")], "4095 is not a VLAN tag"),
    (&[("tag = 140", "§tag = 100")], "VLAN tag `100` is that of plane `dns` already"),
    (
        &[(
            "subnet = \"10.10.140.0/24\"\ngateway = \"10.10.140.1\"",
            "subnet = \"10.10.140.0/24\"\n§gateway = \"10.10.140.9\"",
        )],
        "the gateway 10.10.140.9 is not a VIP",
    ),
    (
        &[(
            "subnet = \"10.10.140.0/24\"\ngateway = \"10.10.140.1\"",
            "subnet = \"10.10.140.0/24\"\n§gateway = \"10.10.141.1\"",
        )],
        "the gateway 10.10.141.1 is not in the subnet 10.10.140.0/24",
    ),
    (
        &[
            ("[\"10.10.120.8\", \"10.10.120.15\"]", "[\"10.10.120.7\", \"10.10.120.15\"]"),
            ("vip = [\"10.10.120.0\"", "§vip = [\"10.10.120.0\""),
        ],
        "block `vip` overlaps block `proxy`",
    ),
    (
        &[(
            "management = [\"10.10.120.48\", \"10.10.120.63\"]",
            "§management = [\"10.10.120.63\", \"10.10.120.48\"]",
        )],
        "the block 10.10.120.63 to 10.10.120.48 is empty",
    ),
    (
        &[(
            "management = [\"10.10.120.48\", \"10.10.120.63\"]",
            "§management = [\"10.10.120.48\", \"10.10.121.63\"]",
        )],
        "the block 10.10.120.48 to 10.10.121.63 is not in the subnet 10.10.120.0/24",
    ),
    (
        &[("[planes.monitoring]", "[planes.monitoring.blocks]\n§vip = [\"10.0.0.0\", \"10.0.0.7\"]")],
        "block `vip` belongs to a plane without a subnet",
    ),
    (
        &[(
            "[planes.monitoring]",
            "[planes.monitoring.sdn]\nzone = \"zmon\"\ntype = \"vlan\"\nbridge = \"vmbr0\"\n§vnet = \"vmbr0\"\ntag = 130\n§subnet = \"192.168.11.0/25\"\ngateway = \"192.168.11.100\"",
        )],
        "bridge `vmbr0` is that of the LAN already|subnet 192.168.11.0/25 overlaps 192.168.11.0/24 on `vmbr0`",
    ),
    (
        &[
            ("vip = [\"10.10.120.0\", \"10.10.120.7\"]\n", ""),
            ("address = \"10.10.120.1/24\"", "§address = \"10.10.120.1/24\""),
            ("address = \"10.10.120.2/24\"", "§address = \"10.10.120.2/24\""),
        ],
        "plane `shared` has no block `vip` for 10.10.120.1|plane `shared` has no block `vip` for 10.10.120.2",
    ),
];

pub(super) const HOSTS: &[Defect] = &[
    (
        &[("mac = \"BC:24:11:AD:49:D2", "§mac = \"BC:24:11:AD:49:D1")],
        "MAC address `BC:24:11:AD:49:D1` is that of host `dns-auth-2`, eth0 already",
    ),
    (
        &[("mac = \"BC:24:11:AD:49:C1\"", "§mac = \"bc:24:11:ad:49:c1\"")],
        "`bc:24:11:ad:49:c1` is not a MAC address",
    ),
    (
        &[("mac = \"BC:24:11:AD:49:C1\"", "§mac = \"BD:24:11:AD:49:C1\"")],
        "`BD:24:11:AD:49:C1` is a multicast address",
    ),
    (&[("vmid = 3112", "§vmid = 3111")], "VM id `3111` is that of host `dns-auth-1` already"),
    (&[("vmid = 3112", "§vmid = 3012")], "VM id 3012 is outside 3100 to 3199, the range of `samakia-dns`"),
    (&[("vmid = 3112", "vmid = §-1")], "invalid value: integer `-1`, expected u32"),
    (
        &[("address = \"10.10.100.22/24", "§address = \"10.10.100.21/24")],
        "address `10.10.100.21` is that of host `dns-auth-1` already",
    ),
    (
        &[("address = \"192.168.11.112/24", "§address = \"192.168.11.22/24")],
        "address `192.168.11.22` is that of node `proxmox2` already",
    ),
    (
        &[("address = \"192.168.11.112/24", "§address = \"192.168.11.1/24")],
        "address `192.168.11.1` is that of the LAN's router already",
    ),
    (
        &[("address = \"10.10.100.22/24", "§address = \"10.10.101.22/24")],
        "10.10.101.22 is outside 10.10.100.0/24, the subnet of plane `dns`",
    ),
    (
        &[("address = \"192.168.11.112/24", "§address = \"192.168.12.112/24")],
        "192.168.12.112 is outside 192.168.11.0/24, the LAN",
    ),
    (
        &[("address = \"10.10.100.22/24", "§address = \"10.10.100.22/25")],
        "the prefix length of 10.10.100.22/25 is not that of 10.10.100.0/24",
    ),
    (
        &[("address = \"10.10.100.22/24", "§address = \"10.10.100.255/24")],
        "10.10.100.255 is the network or broadcast address of 10.10.100.0/24",
    ),
    (
        &[("address = \"10.10.120.12/24", "§address = \"10.10.120.40/24")],
        "10.10.120.40 is outside the block `proxy` of plane `shared`",
    ),
    (
        &[("address = \"10.10.120.14/24", "§address = \"10.10.120.60/24")],
        "10.10.120.60 is outside the block `proxy` of plane `shared`",
    ),
    (
        &[("address = \"10.10.120.32/24", "§address = \"10.10.120.9/24")],
        "10.10.120.9 is outside the block `workload` of plane `shared`",
    ),
    (
        &[
            (
                "workload = [\"10.10.120.16\", \"10.10.120.47\"]",
                "workload = [\"10.10.120.16\", \"10.10.120.31\"]",
            ),
            ("address = \"10.10.120.32/24\"", "§address = \"10.10.120.32/24\""),
        ],
        "10.10.120.32 is outside the block `workload` of plane `shared`",
    ),
    (
        &[(
            "gateway = \"10.10.100.1\", mac = \"BC:24:11:AD:49:D1\"",
            "§gateway = \"10.10.100.2\", mac = \"BC:24:11:AD:49:D1\"",
        )],
        "the gateway of `vlandns` is 10.10.100.1, not 10.10.100.2",
    ),
    (
        &[(
            "bridge = \"vlandns\", address = \"10.10.100.22/24\"",
            "§bridge = \"vlandsn\", address = \"10.10.100.22/24\"",
        )],
        "there is no bridge or vnet `vlandsn`",
    ),
    (
        &[("environment = \"samakia-prod\"", "§environment = \"samakia-prd\"")],
        "there is no environment `samakia-prd`",
    ),
    (
        &[("node = \"proxmox2\"\nvmid = 3112", "§node = \"proxmox4\"\nvmid = 3112")],
        "there is no Proxmox node `proxmox4`",
    ),
    (
        &[(
            "plane = \"monitoring\"\nrole = \"mon\"\nnode = \"proxmox1\"\nvmid = 1200",
            "§plane = \"monitor\"\nrole = \"mon\"\nnode = \"proxmox1\"\nvmid = 1200",
        )],
        "there is no plane `monitor`",
    ),
    (
        &[(
            "role = \"mon\"\nnode = \"proxmox1\"\nvmid = 1200",
            "§role = \"Mon\"\nnode = \"proxmox1\"\nvmid = 1200",
        )],
        "`Mon` cannot be the value of a tag",
    ),
    (&[("vmid = 1200\n", "vmid = 1200\njump = [§\"nobody\"]\n")], "there is no host `nobody`"),
    (
        &[("vmid = 1200\n", "vmid = 1200\njump = [\"ntp-1\", §\"monitoring-1\"]\n")],
        "jump host `monitoring-1` does not forward connections",
    ),
    (
        &[("vmid = 1200\n", "vmid = 1200\nforwards = true\njump = [§\"monitoring-dev-1\"]\n")],
        "`monitoring-dev-1` is reached through `monitoring-dev-1`, which is reached through `monitoring-dev-1`",
    ),
    (
        &[
            ("role = \"mon\"\nnode = \"proxmox1\"\nvmid = 1200", "node = \"proxmox1\"\nvmid = 1200"),
            ("[hosts.monitoring-dev-1]", "§[hosts.monitoring-dev-1]"),
        ],
        "missing key `role`",
    ),
    (
        &[(
            "units.pdns = { enabled = true, sub_state = \"running\", restart = \"on-failure\" }\nunits.ssh = { enabled = true, sub_state = \"running\", restart = \"on-failure\" }\n\n[hosts.dns-auth-2]",
            "units.pdns = { enabled = §\"yes\", sub_state = \"running\" }\n\n[hosts.dns-auth-2]",
        )],
        "invalid type: string \"yes\", expected a boolean",
    ),
    (
        &[
            ("vmid = 3101\n", "vmid = 3101\njump = [§\"dns-auth-1\"]\n"),
            ("mac = \"BC:24:11:AD:49:C1\" },\n]\njump = [", "mac = \"BC:24:11:AD:49:C1\" },\n]\njump = [§"),
        ],
        "`dns-edge-1` is reached through `dns-auth-1`, which is reached through `dns-edge-1`|`dns-auth-1` is reached through `dns-edge-1`, which is reached through `dns-auth-1`",
    ),
    (
        &[
            (
                "{ name = \"eth1\", bridge = \"vlandns\", address = \"10.10.100.11/24\"",
                "{ §name = \"eth0\", bridge = \"vlandns\", address = \"10.10.100.11/24\"",
            ),
            ("interface = \"eth1\"\nvrid = 12", "§interface = \"eth1\"\nvrid = 12"),
        ],
        "interface name `eth0` is that of another interface of this host already|member `dns-edge-1` has no interface `eth1`",
    ),
];

pub(super) const VIPS: &[Defect] = &[
    (
        &[("address = \"192.168.11.121/24", "§address = \"192.168.11.120/24")],
        "address `192.168.11.120` is that of VIP `ntp` already",
    ),
    (
        &[("address = \"192.168.11.100/24", "§address = \"192.168.11.111/24")],
        "address `192.168.11.111` is that of host `dns-edge-1` already",
    ),
    (
        &[("address = \"192.168.11.100/24", "§address = \"192.0.2.100/24")],
        "192.0.2.100 is in no network of the site",
    ),
    (
        &[("address = \"10.10.120.2/24", "§address = \"10.10.120.20/24")],
        "10.10.120.20 is outside the block `vip` of plane `shared`",
    ),
    (
        &[("address = \"10.10.120.2/24", "§address = \"10.10.120.2/32")],
        "the prefix length of 10.10.120.2/32 is not that of 10.10.120.0/24",
    ),
    (
        &[("interface = \"eth0\"\nvrid = 11", "§interface = \"eth3\"\nvrid = 11")],
        "member `dns-edge-1` has no interface `eth3`|member `dns-edge-2` has no interface `eth3`",
    ),
    (
        &[("interface = \"eth0\"\nvrid = 11", "§interface = \"eth1\"\nvrid = 11")],
        "`eth1` of member `dns-edge-1` is in 10.10.100.0/24, the VIP in 192.168.11.0/24|`eth1` of member `dns-edge-2` is in 10.10.100.0/24, the VIP in 192.168.11.0/24",
    ),
    (
        &[(
            "members = { haproxy-pg-1 = 110, haproxy-pg-2 = 100 }",
            "members = { haproxy-pg-1 = 110, haproxy-pg-2 = 100, §haproxy-pg-3 = 90 }",
        )],
        "there is no host `haproxy-pg-3`",
    ),
    (
        &[(
            "members = { haproxy-pg-1 = 110, haproxy-pg-2 = 100 }",
            "members = { haproxy-pg-1 = 110, §haproxy-pg-2 = 110 }",
        )],
        "priority 110 does not order the members",
    ),
    (
        &[("members = { haproxy-pg-1 = 110, haproxy-pg-2 = 100 }", "§members = {}")],
        "nobody can hold this VIP",
    ),
    (
        &[(
            "vrid = 12\ngroup = \"dns\"\nmembers = { dns-edge-1 = 150, dns-edge-2 = 100 }",
            "vrid = 12\ngroup = \"dns\"\n§members = { dns-edge-1 = 150 }",
        )],
        "VIPs `dns` and `dns-gateway` are of group `dns`, but have other members",
    ),
    (&[("vrid = 21", "§vrid = 11")], "virtual router 11 is that of VIP `dns` on this network"),
    (&[("vrid = 41", "§vrid = 0")], "0 is not the id of a virtual router"),
    (&[("vrid = 41", "vrid = §256")], "invalid value: integer `256`, expected u8"),
    (
        &[("{ protocol = \"udp\", port = 123 }", "{ protocol = §\"upd\", port = 123 }")],
        "`upd` is not a word that fits here",
    ),
    (
        &[(
            "interface = \"eth0\"\nvrid = 41\ngroup = \"postgres\"\nmembers = { haproxy-pg-1 = 110, haproxy-pg-2 = 100 }",
            "§interface = \"eth0\"\nvrid = 41\ngroup = \"postgres\"\nmembers = { haproxy-pg-1 = 110, §monitoring-1 = 100 }",
        )],
        "`eth0` of member `monitoring-1` is in 192.168.11.0/24, the VIP in 10.10.120.0/24|`monitoring-1` is of another environment than the other members",
    ),
];

pub(super) const ZONES: &[Defect] = &[
    (
        &[(
            "primary = \"dns-auth-1\"\nsecondaries = [\"dns-auth-2\"]\nvip = \"dns\"\nrrsets = [\n  { name = \"internal\"",
            "§primary = \"dns-auth-9\"\nsecondaries = [\"dns-auth-2\"]\nvip = \"dns\"\nrrsets = [\n  { name = \"internal\"",
        )],
        "there is no host `dns-auth-9`",
    ),
    (
        &[(
            "secondaries = [\"dns-auth-2\"]\nvip = \"dns\"\nrrsets = [\n  { name = \"internal\"",
            "secondaries = [§\"dns-auth-1\"]\nvip = \"dns\"\nrrsets = [\n  { name = \"internal\"",
        )],
        "server `dns-auth-1` is that of this zone already",
    ),
    (
        &[(
            "vip = \"dns\"\nrrsets = [\n  { name = \"internal\"",
            "§vip = \"dnss\"\nrrsets = [\n  { name = \"internal\"",
        )],
        "there is no VIP `dnss`",
    ),
    (
        &[("name = \"db.canary.internal\"", "§name = \"db.canary.internals\"")],
        "`db.canary.internals` is not in the zone `internal`",
    ),
    (
        &[("name = \"minio-console.infra.samakia.net\"", "§name = \"MINIO.infra.samakia.net\"")],
        "rrset `minio.infra.samakia.net A` is that of this zone already",
    ),
    (
        &[(
            "{ name = \"db.canary.internal\", type = \"CNAME\"",
            "{ name = \"db.canary.internal\", type = \"A\", ttl = 60, values = [\"192.0.2.1\"] },\n  { name = \"db.canary.internal\", §type = \"CNAME\"",
        )],
        "`db.canary.internal` has a CNAME beside other records",
    ),
    (&[("type = \"CNAME\"", "§type = \"cname\"")], "`cname` is not a record type"),
    (&[("type = \"CNAME\"", "§type = \"SOA\"")], "the SOA is not listed among the rrsets"),
    (
        &[("[\"db.internal.shared.\"]", "[§\"db.internal.shared\"]")],
        "`db.internal.shared` is not a full name",
    ),
    (&[("values = [\"db.internal.shared.\"]", "§values = []")], "the rrset has no values"),
    (
        &[("[\"10.10.120.13\", \"10.10.120.14\"]", "[\"10.10.120.13\", §\"10.10.120.014\"]")],
        "`10.10.120.014` is not an IPv4 address",
    ),
    (
        &[("[\"10.10.120.13\", \"10.10.120.14\"]", "[\"10.10.120.13\", §\"10.10.120.13\"]")],
        "`10.10.120.13` stands twice",
    ),
    (
        &[("type = \"CNAME\", ttl = 60", "type = \"CNAME\", §ttl = 2147483648")],
        "2147483648 is more than a time to live can be",
    ),
    (
        &[(
            "values = [\"db.internal.shared.\"]",
            "§values = [\"db.internal.shared.\", \"db2.internal.shared.\"]",
        )],
        "a CNAME has exactly one value",
    ),
    (
        &[("name = \"db.canary.internal\", type", "name = \"internal\", §type")],
        "`internal` has a CNAME beside other records",
    ),
    (
        &[(
            "type = \"A\", ttl = 60, values = [\"10.10.120.13\", \"10.10.120.14\"]",
            "type = \"AAAA\", ttl = 60, values = [\"2001:db8::1\", §\"10.10.120.14\"]",
        )],
        "`10.10.120.14` is not an IPv6 address",
    ),
];
