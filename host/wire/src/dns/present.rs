//! Records in presentation format, spelled so that equal data has equal text.

use std::fmt::Write as _;

use hickory_proto::rr::{Name, RData, Record as WireRecord};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use super::{Record, rrtype};
use crate::error::WireError;

/// A record as text.
pub(super) fn record(wire: &WireRecord) -> Result<Record, WireError> {
    Ok(Record {
        name: name(&wire.name),
        rrtype: rrtype::present(wire.record_type()),
        ttl: wire.ttl,
        value: value(&wire.data)?,
    })
}

/// A name in lower case with the final dot. Bytes that mean something in a master file are escaped (RFC 1035, 5.1).
pub(super) fn name(wire: &Name) -> String {
    if wire.is_root() {
        return ".".into();
    }
    let mut text = String::new();
    for label in wire.iter() {
        for byte in label.iter().map(u8::to_ascii_lowercase) {
            match byte {
                b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                    text.extend(['\\', char::from(byte)])
                }
                0x21..=0x7e => text.push(char::from(byte)),
                other => push_decimal(&mut text, other),
            }
        }
        text.push('.');
    }
    text
}

fn value(data: &RData) -> Result<String, WireError> {
    Ok(match data {
        RData::A(a) => a.0.to_string(),
        RData::AAAA(aaaa) => aaaa.0.to_string(),
        RData::CNAME(target) => name(target),
        RData::NS(target) => name(target),
        RData::PTR(target) => name(target),
        RData::MX(mx) => format!("{} {}", mx.preference, name(&mx.exchange)),
        RData::SRV(srv) => format!("{} {} {} {}", srv.priority, srv.weight, srv.port, name(&srv.target)),
        RData::SOA(soa) => format!(
            "{} {} {} {} {} {} {}",
            name(&soa.mname),
            name(&soa.rname),
            soa.serial,
            soa.refresh.cast_unsigned(),
            soa.retry.cast_unsigned(),
            soa.expire.cast_unsigned(),
            soa.minimum
        ),
        RData::TXT(txt) => {
            let strings: Vec<String> = txt.txt_data.iter().map(|bytes| quoted(bytes)).collect();
            strings.join(" ")
        }
        RData::CAA(caa) => format!("{} {} {}", caa.flags(), caa.tag, quoted(&caa.value)),
        other => generic(other)?,
    })
}

/// RFC 3597, 5: the length and the bytes in hexadecimal.
fn generic(data: &RData) -> Result<String, WireError> {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).map_err(|e| WireError::Garbage(format!("record data: {e}")))?;
    let mut text = format!("\\# {}", bytes.len());
    for (place, byte) in bytes.iter().enumerate() {
        let gap = if place == 0 { " " } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{gap}{byte:02x}");
    }
    Ok(text)
}

fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            0x20..=0x7e => text.push(char::from(byte)),
            other => push_decimal(&mut text, other),
        }
    }
    text.push('"');
    text
}

fn push_decimal(text: &mut String, byte: u8) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\\{byte:03}");
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::RecordType;
    use hickory_proto::rr::rdata::{CAA, MX, NULL, SOA, SRV, TXT};

    use super::*;

    fn text(data: RData) -> String {
        value(&data).expect("can be written")
    }

    fn host(labels: &[&str]) -> Name {
        Name::from_labels(labels.iter().map(|label| label.as_bytes())).expect("a name")
    }

    #[test]
    fn each_type_has_its_own_text() {
        let mx = host(&["Mail", "example"]);
        assert_eq!(text(RData::MX(MX::new(10, mx.clone()))), "10 mail.example.");
        assert_eq!(text(RData::SRV(SRV::new(1, 2, 53, mx.clone()))), "1 2 53 mail.example.");
        let soa = SOA::new(mx.clone(), host(&["host.master", "example"]), u32::MAX, 10_800, 3_600, -1, 5);
        assert_eq!(
            text(RData::SOA(soa)),
            "mail.example. host\\.master.example. 4294967295 10800 3600 4294967295 5"
        );
        let txt = TXT::from_bytes(vec![b"a \"b\"", b"", b"\xff\\"]);
        assert_eq!(text(RData::TXT(txt)), r#""a \"b\"" "" "\255\\""#);
        let caa = CAA::new_issue(true, Some(mx), vec![]);
        assert_eq!(text(RData::CAA(caa)), r#"128 issue "Mail.example.""#);
    }

    #[test]
    fn a_type_without_a_text_is_written_in_hexadecimal() {
        let unknown =
            RData::Unknown { code: RecordType::Unknown(65_280), rdata: NULL::with(vec![10, 0, 0, 1]) };
        assert_eq!(text(unknown), "\\# 4 0a000001");
    }
}
