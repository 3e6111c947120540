//! The headers of a request, from lines of `name: value`.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use gitlatch::auth::credential::{self, Presented};
use http::{HeaderMap, HeaderName, HeaderValue};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What has a token's form, anywhere in a header and also within base64, is never taken for a stranger's
/// credential or for none: neither would be kept from the host.
pub(crate) fn holds(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let read = credential::read(&headers);
    let again = credential::read(&headers);
    assert_eq!(read, again);
    let holds_token = headers.iter().any(|(name, value)| {
        let value = value.as_bytes();
        let coded =
            name == "authorization" && value.split(u8::is_ascii_whitespace).any(hides_token);
        has_form(value) || coded
    });
    let harmless = matches!(read, Ok(Presented::Nothing | Presented::Foreign));
    assert!(!(harmless && holds_token), "{read:?} of {headers:?}");
    if let Ok(Presented::Token { .. }) = read {
        assert!(holds_token, "a token where there is none: {headers:?}");
        assert_eq!(headers.get_all("authorization").iter().count(), 1, "{headers:?}");
    }
    if matches!(read, Ok(Presented::Foreign)) {
        let named = credential::password(&headers).map(|(name, _)| name);
        assert!(named.is_none_or(|name| !name.is_empty() && !name.contains(':')), "{headers:?}");
    }
}

fn hides_token(word: &[u8]) -> bool {
    BASE64.decode(word).is_ok_and(|bytes| has_form(&bytes))
}

/// `lat`, one of `u`, `p` and `r`, `_`, and 36 letters or digits.
fn has_form(bytes: &[u8]) -> bool {
    bytes.windows(41).any(|window| {
        window.starts_with(b"lat")
            && b"upr".contains(&window[3])
            && window[4] == b'_'
            && window[5..].iter().all(u8::is_ascii_alphanumeric)
    })
}
