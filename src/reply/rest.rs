//! The voice for REST: the error object of Bitbucket Data Center's REST API, with the request id beside
//! it.

use super::Answer;
use http::StatusCode;
use serde::Serialize;

pub(super) const CONTENT_TYPE: &str = "application/json;charset=UTF-8";

const AUTHORISATION: &str = "com.atlassian.bitbucket.AuthorisationException";
const VALIDATION: &str = "com.atlassian.bitbucket.validation.ArgumentValidationException";
const NO_SUCH_OBJECT: &str = "com.atlassian.bitbucket.NoSuchObjectException";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    errors: [Error<'a>; 1],
    request_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Error<'a> {
    context: Option<&'a str>,
    message: &'a str,
    exception_name: Option<&'static str>,
}

pub(super) fn body(answer: &Answer, id: &str) -> String {
    let error = Error {
        context: answer.context.as_deref(),
        message: &answer.text,
        exception_name: answer.exception.or_else(|| exception(answer.status)),
    };
    // Strings always serialise.
    serde_json::to_string(&Body { errors: [error], request_id: id }).unwrap_or_default()
}

/// What Bitbucket itself would have thrown.
fn exception(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(AUTHORISATION),
        StatusCode::BAD_REQUEST => Some(VALIDATION),
        StatusCode::NOT_FOUND => Some(NO_SUCH_OBJECT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_as_bitbucket_has_them() {
        let of = |code: u16| Answer::new(StatusCode::from_u16(code).unwrap(), "no \"x\"");
        let named = |name: Option<&str>| {
            let name = name.map_or("null".to_owned(), |name| format!("\"{name}\""));
            format!(
                r#"{{"errors":[{{"context":null,"message":"no \"x\"","exceptionName":{name}}}],"requestId":"7"}}"#
            )
        };
        let cases = [
            (400, Some(VALIDATION)),
            (401, Some(AUTHORISATION)),
            (403, Some(AUTHORISATION)),
            (404, Some(NO_SUCH_OBJECT)),
            (405, None),
            (429, None),
            (503, None),
        ];
        for (code, exception) in cases {
            assert_eq!(body(&of(code), "7"), named(exception), "{code}");
        }
        let mut answer = of(409);
        answer.context = Some("name".to_owned());
        answer.exception = Some("com.example.Taken");
        assert_eq!(
            body(&answer, "7"),
            r#"{"errors":[{"context":"name","message":"no \"x\"","exceptionName":"com.example.Taken"}],"requestId":"7"}"#
        );
    }
}
