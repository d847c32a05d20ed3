//! A site larger than ours: five hundred hosts, asked all at once in both languages.

use std::fmt::Write as _;

use crate::scene::Scene;

const HOSTS: u16 = 500;

const SITE: &str = r#"format = 1

[site]
name = "large"
realm = "real"

[site.lan]
network = "10.20.0.0/16"
gateway = "10.20.255.254"
bridge = "vmbr0"

[ssh]
user = "operator"
identity = "operator"
known_hosts = "known_hosts"

[proxmox]
cluster = "large"
authority = "none"
token_id = "a@pve!b"
token = "token"

[proxmox.nodes]
node = { address = "10.20.255.253" }

[authorities]
none = "none.pem"

[secrets]
operator = { env = "UNUSED" }
token = { env = "UNUSED" }

[environments]
large = { tag = "large", golden = 1, vmids = [1000, 1999] }

[planes.large]

[vips]

[zones]
"#;

const POLICY: &str = r#"format = 1

[[allow]]
name = "clocks"
environments = ["twin"]
roles = ["site-dev"]

[allow.primitives]
"host.clock" = ["host:*"]
"#;

fn site() -> String {
    let mut text = SITE.to_owned();
    for number in 1..=HOSTS {
        let (high, low) = (number / 250, number % 250 + 1);
        write!(
            text,
            "\n[hosts.host-{number}]\nenvironment = \"large\"\nplane = \"large\"\nrole = \"member\"\nnode = \"node\"\nvmid = {}\n\
             interfaces = [\n  {{ name = \"eth0\", bridge = \"vmbr0\", address = \"10.20.{high}.{low}/16\", \
             mac = \"BC:24:11:00:{high:02X}:{low:02X}\" }},\n]\nunits.ssh = {{ enabled = true, sub_state = \"running\" }}\n",
            1000 + number,
        )
        .expect("a string takes it");
    }
    text
}

#[test]
fn five_hundred_branches_answer_in_order_in_both_languages() {
    let scene = Scene::with_key();
    scene.write("fabric.toml", &site());
    scene.write("policy.toml", POLICY);
    let needs = "\"host.clock\" = [\"host:*\"]";
    let body = "let all = site::hosts(#{});\n\
        let clocks = par(all, |one| #{ name: one.name, clock: host::clock(#{ host: one.name }) });\n\
        check(\"order\", || expect_eq(\"hosts\", clocks.map(|one| one.name), all.map(|one| one.name)));\n\
        check(\"all\", || expect_eq(\"answers\", clocks.filter(|one| one.clock.offset_ms < 5000).len(), 500));\n";
    let rhai = scene.rehearse(needs, body, &[]);
    let body = "local all = site.hosts{}\n\
        local clocks = par(all, function(one) return { name = one.name, clock = host.clock{ host = one.name } } end)\n\
        local function names(list) local found = {} for n, one in list do found[n] = one.name end return found end\n\
        check(\"order\", function() return expect_eq(\"hosts\", names(clocks), names(all)) end)\n\
        check(\"all\", function() local count = 0\n\
        for _, one in clocks do if one.clock.offset_ms < 5000 then count += 1 end end\n\
        return expect_eq(\"answers\", count, 500) end)\n";
    let header =
        "-- /// fabric\n-- title = \"T\"\n-- kind = \"acceptance\"\n-- reach = \"observe\"\n-- [needs]\n";
    scene.write("script.luau", &format!("{header}-- {needs}\n-- ///\n{body}"));
    let luau = scene.fabric(&["rehearse", "script.luau"]);
    for ran in [rhai, luau] {
        assert_eq!(ran.code, Some(0), "{}", ran.all());
    }
    for packet in scene.packets() {
        let record = crate::scene::json(&std::fs::read_to_string(packet.join("run.json")).expect("sealed"));
        assert_eq!(record["counts"]["pass"], 2, "{record}");
        let journal = std::fs::read_to_string(packet.join("journal.jsonl")).expect("sealed");
        let asked = journal
            .lines()
            .filter(|line| line.contains("\"kind\":\"call_requested\",") && line.contains("host.clock"));
        assert_eq!(asked.count(), usize::from(HOSTS), "each host was asked once");
    }
}
