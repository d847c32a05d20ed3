//! One request, one answer: authentication, paths, parameters, privileges, in the order in which the real API checks them.

use serde_json::{Map, Value, json};

use crate::power::Switch;
use crate::proxmox::ProxmoxModel;
use crate::proxmox::model::Guest;
use crate::proxmox::sdn::View;

/// A request as far as it decides anything.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The node that is asked.
    pub(crate) node: String,
    pub(crate) method: String,
    /// The path, `/api2/json` included.
    pub(crate) path: String,
    /// The raw query, empty for none.
    pub(crate) query: String,
    pub(crate) authorization: Option<String>,
}

/// An answer. Everything but 200 closes the connection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    /// None for the empty body of a 401.
    pub(crate) body: Option<Value>,
}

type Data = Result<Value, Answer>;

impl ProxmoxModel {
    /// Answers a request and enters it in the log.
    pub(crate) fn answer(&mut self, call: &Call) -> Answer {
        let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
        self.log(format!("{} {}{query}", call.method, call.path));
        if let Err(reason) = self.token.authenticate(call.authorization.as_deref()) {
            return Answer { status: 401, reason: reason.to_owned(), body: None };
        }
        match self.route(call) {
            Ok(data) => Answer { status: 200, reason: "OK".to_owned(), body: Some(json!({"data": data})) },
            Err(refusal) => refusal,
        }
    }

    fn route(&mut self, call: &Call) -> Data {
        let path = call.path.strip_prefix("/api2/json").unwrap_or(&call.path);
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("GET", ["cluster", rest @ ..]) => self.cluster_route(call, rest),
            ("GET", ["nodes"]) => plain(call, self.node_list()),
            ("GET", ["nodes", node, rest @ ..]) => self.node_route(call, node, rest),
            ("GET", ["version"]) => plain(call, version()),
            ("GET", ["access", "permissions"]) => {
                parameters(call, &["path", "userid"])?;
                Ok(self.token.permissions())
            }
            ("POST", ["cluster", "sdn", "zones"]) => Err(forbidden("/sdn/zones", "SDN.Allocate")),
            ("PUT", ["cluster", "sdn"]) => Err(forbidden("/sdn", "SDN.Allocate")),
            ("POST", ["nodes", node, "lxc", vmid, "status", verb]) => self.switch(node, vmid, verb),
            ("DELETE", ["nodes", _, "lxc", vmid]) => {
                Err(forbidden(&format!("/vms/{}", guest_id(vmid)?), "VM.Allocate"))
            }
            _ => Err(not_implemented(&call.method, path)),
        }
    }

    fn cluster_route(&self, call: &Call, rest: &[&str]) -> Data {
        match rest {
            ["status"] => {
                parameters(call, &[])?;
                self.require("/", "Sys.Audit")?;
                Ok(self.cluster_status(&call.node))
            }
            ["resources"] => {
                let given = parameters(call, &["type"])?;
                let wanted = given.get("type").and_then(Value::as_str);
                check_enumeration("type", wanted, &["vm", "storage", "node", "sdn"])?;
                Ok(self.resources(wanted))
            }
            ["ha", "resources"] => {
                parameters(call, &["type"])?;
                self.require("/", "Sys.Audit")?;
                Ok(json!([]))
            }
            ["sdn"] => {
                let parts = ["vnets", "zones", "controllers", "ipams", "dns", "fabrics"];
                plain(call, parts.iter().map(|part| json!({"id": part})).collect())
            }
            ["sdn", "zones"] => view(call, &["pending", "running", "type"]).map(|view| self.sdn_zones(view)),
            ["sdn", "vnets"] => view(call, &["pending", "running"]).map(|view| self.sdn_vnets(view)),
            ["sdn", "vnets", vnet, "subnets"] => {
                view(call, &["pending", "running"]).map(|view| self.sdn_subnets(vnet, view))
            }
            _ => Err(not_implemented(&call.method, &format!("/cluster/{}", rest.join("/")))),
        }
    }

    fn node_route(&self, call: &Call, node: &str, rest: &[&str]) -> Data {
        let data = match rest {
            ["lxc"] => plain(call, self.guests_on(node)),
            ["lxc", vmid, "config"] => {
                parameters(call, &["current", "snapshot"])?;
                self.guest(node, vmid)?.map(|(vmid, guest)| guest.config(vmid))
            }
            ["lxc", vmid, "status", "current"] => {
                parameters(call, &[])?;
                self.guest(node, vmid)?.map(|(vmid, guest)| guest.current(vmid))
            }
            ["lxc", vmid, "interfaces"] => {
                parameters(call, &[])?;
                self.guest(node, vmid)?.map(|(_, guest)| guest.interfaces())
            }
            ["sdn", "zones"] => plain(call, self.node_zones(node)),
            ["tasks", upid, "status"] => {
                parameters(call, &[])?;
                // The owner of a task needs no right to look at it.
                self.task_status(node, &unquoted(upid)).ok_or_else(|| internal("no such task"))
            }
            ["version"] => plain(call, version()),
            _ => return Err(not_implemented(&call.method, &format!("/nodes/{node}/{}", rest.join("/")))),
        };
        self.reaches(node)?;
        data
    }

    /// The request goes on to the node that it is about; parameters and rights were checked before that.
    fn reaches(&self, node: &str) -> Result<(), Answer> {
        match self.nodes.get(node) {
            None => Err(internal(&format!(
                "hostname lookup '{node}' failed - failed to get address info for: {node}: Temporary failure in name resolution"
            ))),
            Some(found) if !found.online => Err(fault(595, "No route to host", Map::new())),
            Some(_) => Ok(()),
        }
    }

    /// Starts or stops a guest: refused at once where that makes no sense, else a task.
    fn switch(&mut self, node: &str, vmid: &str, verb: &str) -> Data {
        let id = guest_id(vmid)?;
        self.require(&format!("/vms/{id}"), "VM.PowerMgmt")?;
        let switch = match verb {
            "start" => Switch::Start,
            "stop" => Switch::Stop,
            "shutdown" => Switch::Shutdown,
            _ => return Err(not_implemented("POST", &format!("/nodes/{node}/lxc/{vmid}/status/{verb}"))),
        };
        self.reaches(node)?;
        if !self.quorate {
            return Err(internal("cluster not ready - no quorum?"));
        }
        let found = self.guest(node, vmid)?.map(|(_, guest)| (guest.name.clone(), guest.running));
        let (name, running) = found?;
        match (switch, running) {
            (Switch::Start, true) => Err(internal(&format!("CT {id} already running"))),
            (Switch::Stop | Switch::Shutdown, false) => Err(internal(&format!("CT {id} not running"))),
            _ => Ok(self.begin(id, node, &name, switch)),
        }
    }

    /// The guest on that node, once the parameters and the right to see it are checked.
    fn guest(&self, node: &str, vmid: &str) -> Result<Result<(u32, &Guest), Answer>, Answer> {
        let vmid = guest_id(vmid)?;
        self.require(&format!("/vms/{vmid}"), "VM.Audit")?;
        let found = self.guests.get(&vmid).filter(|guest| guest.node == node);
        Ok(found.map(|guest| (vmid, guest)).ok_or_else(|| {
            internal(&format!("Configuration file 'nodes/{node}/lxc/{vmid}.conf' does not exist"))
        }))
    }

    fn require(&self, path: &str, privilege: &str) -> Result<(), Answer> {
        if self.token.may(privilege) { Ok(()) } else { Err(forbidden(path, privilege)) }
    }
}

/// A segment of a path without its percent-encoding (RFC 3986, 2.1).
fn unquoted(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let quoted = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%');
        bytes.push(quoted.unwrap_or(*first));
        rest = after.get(if quoted.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn version() -> Value {
    json!({"version": "9.2.11", "release": "9.2", "repoid": "14a22df3"})
}

fn plain(call: &Call, data: Value) -> Data {
    parameters(call, &[])?;
    Ok(data)
}

fn view(call: &Call, known: &[&str]) -> Result<View, Answer> {
    let given = parameters(call, known)?;
    let set =
        |name: &str| matches!(given.get(name).and_then(Value::as_str), Some("1" | "true" | "yes" | "on"));
    Ok(match (set("pending"), set("running")) {
        (true, _) => View::Pending,
        (false, true) => View::Running,
        (false, false) => View::Configured,
    })
}

/// The query's parameters, all of them known.
fn parameters(call: &Call, known: &[&str]) -> Result<Map<String, Value>, Answer> {
    let mut given = Map::new();
    for pair in call.query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !known.contains(&name) {
            let text =
                "property is not defined in schema and the schema does not allow additional properties";
            return Err(bad_parameter(name, text));
        }
        given.insert(name.to_owned(), json!(value));
    }
    Ok(given)
}

fn check_enumeration(name: &str, value: Option<&str>, allowed: &[&str]) -> Result<(), Answer> {
    match value {
        Some(value) if !allowed.contains(&value) => {
            let allowed = allowed.join(", ");
            Err(bad_parameter(
                name,
                &format!("value '{value}' does not have a value in the enumeration '{allowed}'"),
            ))
        }
        _ => Ok(()),
    }
}

fn guest_id(text: &str) -> Result<u32, Answer> {
    let number: u32 = text
        .parse()
        .map_err(|_| bad_parameter("vmid", &format!("type check ('integer') failed - got '{text}'")))?;
    match number {
        0..100 => Err(bad_parameter("vmid", "value must have a minimum value of 100")),
        100..1_000_000_000 => Ok(number),
        _ => Err(bad_parameter("vmid", "value must have a maximum value of 999999999")),
    }
}

fn bad_parameter(name: &str, text: &str) -> Answer {
    let errors = Map::from_iter([("errors".to_owned(), json!({name: text}))]);
    fault(400, "Parameter verification failed.", errors)
}

fn forbidden(path: &str, privilege: &str) -> Answer {
    fault(403, &format!("Permission check failed ({path}, {privilege})"), Map::new())
}

fn internal(text: &str) -> Answer {
    fault(500, text, Map::new())
}

/// The only error whose message has no line end.
fn not_implemented(method: &str, path: &str) -> Answer {
    let reason = format!("Method '{method} {path}' not implemented");
    let body = json!({"data": null, "message": reason});
    Answer { status: 501, reason, body: Some(body) }
}

fn fault(status: u16, reason: &str, mut body: Map<String, Value>) -> Answer {
    body.insert("data".to_owned(), Value::Null);
    body.insert("message".to_owned(), json!(format!("{reason}\n")));
    Answer { status, reason: reason.to_owned(), body: Some(Value::Object(body)) }
}
