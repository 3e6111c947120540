//! The answer to a push that is refused, in the form that the client offered: git prints it as
//! `! [remote rejected] main -> main (…)`.

use super::pkt_line;
use super::receive_pack::Manner;
use super::ref_name::RefName;

/// The longest reason that is told, in bytes.
const LONGEST: usize = 1_000;

/// Says that nothing was changed: of every ref why, and `text` above it all. `None` when the client
/// takes no report, so that it would take an answer like that for success.
#[must_use]
pub fn refused(manner: Manner, refs: &[(&RefName, String)], text: &str) -> Option<Vec<u8>> {
    if !manner.reports {
        return None;
    }
    let mut report = Vec::new();
    pkt_line::write(&mut report, b"unpack ok\n");
    for (name, reason) in refs {
        pkt_line::write(&mut report, format!("ng {name} {}\n", one_line(reason)).as_bytes());
    }
    pkt_line::flush(&mut report);
    let Some(longest) = manner.side_band else { return Some(report) };
    let mut answer = Vec::new();
    band(&mut answer, 2, format!("{}\n", one_line(text)).as_bytes(), longest);
    band(&mut answer, 1, &report, longest);
    pkt_line::flush(&mut answer);
    Some(answer)
}

/// Writes data into one band, in as many packets as it takes.
fn band(into: &mut Vec<u8>, number: u8, data: &[u8], longest: usize) {
    for piece in data.chunks(longest - 5) {
        let mut packet = Vec::with_capacity(piece.len() + 1);
        packet.push(number);
        packet.extend_from_slice(piece);
        pkt_line::write(into, &packet);
    }
}

fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    while line.len() > LONGEST {
        line.pop();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(reports: bool, side_band: Option<usize>) -> Option<String> {
        let name = RefName::new(b"refs/heads/main").expect("a name");
        let answer =
            refused(Manner { reports, side_band }, &[(&name, "no\nway".to_owned())], "why");
        answer.map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn reports() {
        let report = "000eunpack ok\n001ang refs/heads/main no way\n0000";
        // 1 + 46 bytes of the report and the four digits.
        let banded = format!("0009\u{2}why\n{:04x}\u{1}{report}0000", report.len() + 5);
        assert_eq!(
            refusal(true, None).as_deref(),
            Some(report)
                .map(|r| r
                    .replace("001a", &format!("{:04x}", 4 + "ng refs/heads/main no way\n".len())))
                .as_deref()
        );
        let banded =
            banded.replace("001ang", &format!("{:04x}ng", 4 + "ng refs/heads/main no way\n".len()));
        assert_eq!(refusal(true, Some(65520)), Some(banded));
        assert_eq!(refusal(false, Some(65520)), None);
    }

    #[test]
    fn a_long_report_comes_in_many_packets() {
        let name =
            RefName::new(format!("refs/heads/{}", "x".repeat(200)).as_bytes()).expect("a name");
        let refs: Vec<(&RefName, String)> = (0..1_000).map(|_| (&name, "no".to_owned())).collect();
        for longest in [1000, 65520] {
            let manner = Manner { reports: true, side_band: Some(longest) };
            let answer = refused(manner, &refs, "no").expect("a report");
            let (mut at, mut report) = (0, Vec::new());
            while let Some((packet, length)) = pkt_line::read(&answer[at..]).expect("packets") {
                assert!(length <= longest);
                if let pkt_line::Packet::Data(data) = packet
                    && data[0] == 1
                {
                    report.extend_from_slice(&data[1..]);
                }
                at += length;
            }
            assert_eq!(report.windows(3).filter(|w| w == b"ng ").count(), 1_000);
        }
    }
}
