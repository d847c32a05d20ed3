//! Every example of the registry is the same call in both languages: what crosses the door is equal, and so is its digest.

#![expect(clippy::disallowed_types, reason = "the test plays the host at the other end of the door")]

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::net::UnixStream;
    use std::thread;

    use fabric_evidence::event::arguments_digest;
    use fabric_model::door::{self, FromWorker, Limits, Outcome, Reply, Start};
    use fabric_model::{PrimitiveName, Value};
    use fabric_primitives::reference::{Syntax, call};
    use fabric_primitives::registry::REGISTRY;

    /// What the one call of a script carries.
    fn carried(syntax: Syntax, statement: &str, primitives: &[PrimitiveName]) -> Value {
        let (mut host, worker) = UnixStream::pair().expect("a pair");
        let worker = thread::spawn(move || fabric_script::worker::run(worker));
        let start = Start {
            version: door::VERSION,
            path: format!("a.{}", syntax.as_str()),
            source: statement.to_owned(),
            modules: BTreeMap::new(),
            params: BTreeMap::new(),
            primitives: primitives.to_vec(),
            site: Value::Map(BTreeMap::new()),
            limits: Limits::default(),
        };
        door::write(&mut host, &start).expect("the worker reads its start");
        let mut carried = None;
        loop {
            match door::read(&mut host).expect("the worker ends with a frame") {
                FromWorker::Call { call_id, arguments, .. } => {
                    assert!(carried.replace(arguments).is_none(), "{statement}: one call");
                    let reply = Reply { call_id, result: Ok(Value::Null) };
                    door::write(&mut host, &reply).expect("the worker reads its replies");
                }
                FromWorker::End { outcome } => {
                    assert_eq!(outcome, Outcome::Finished, "{statement}");
                    break;
                }
                other => panic!("{statement}: {other:?}"),
            }
        }
        worker.join().expect("it does not panic").expect("it ended by itself");
        carried.expect("a call")
    }

    #[test]
    fn every_example_is_the_same_call_in_both_languages() {
        let primitives: Vec<PrimitiveName> = REGISTRY.iter().map(|primitive| primitive.name()).collect();
        let mut examples = 0;
        for primitive in REGISTRY {
            let plain = primitive.examples().into_iter();
            let changing = primitive.change_examples().into_iter().map(|example| example.arguments);
            for example in plain.chain(changing) {
                let Value::Map(fields) = &example else { panic!("an example is a table") };
                let name = primitive.name();
                let named = || fields.iter().map(|(name, value)| (name.as_str(), value));
                let digests = Syntax::ALL.map(|syntax| {
                    let statement = call(syntax, &name, named());
                    let end = if syntax == Syntax::Rhai { ";" } else { "" };
                    let crossed = carried(syntax, &format!("{statement}{end}"), &primitives);
                    let prepared =
                        primitive.prepare(&crossed).unwrap_or_else(|fault| panic!("{statement}: {fault}"));
                    arguments_digest(&prepared.arguments).expect("plain data")
                });
                let written = primitive.prepare(&example).expect("a sound example");
                let wanted = arguments_digest(&written.arguments).expect("plain data");
                assert_eq!(digests, [wanted, wanted], "{name}: {example:?}");
                examples += 1;
            }
        }
        assert!(examples >= REGISTRY.len(), "{examples} examples of {} primitives", REGISTRY.len());
    }
}
