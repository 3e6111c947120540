#!/usr/bin/env bash
# The life of tokens, led by curl alone.
#
# life.sh URL: a gitlatch with the repository team/app; the user alice, who may write there; paula, who
# administers the project; and root, who administers gitlatch. The password of all is in PASSWORD. Files
# are left in the current folder.
set -euo pipefail

url=$1
api=$url/rest/access-tokens/latest
refs="$url/team/app.git/info/refs?service"

fail() {
    printf 'life.sh, line %s: %s\n' "${BASH_LINENO[-2]}" "$*" >&2
    exit 1
}

# call STATUS CURL-ARGUMENT…: curl, which must be answered with this status. The body is in `body`.
call() {
    local status
    status=$(curl --silent --show-error --max-time 30 --output body --write-out '%{http_code}' "${@:2}")
    [[ $status == "$1" ]] || fail "$status instead of $1: ${*:2}: $(cat body)"
}

# as NAME STATUS CURL-ARGUMENT…: the same by a person with the password, which does not show among processes.
as() {
    call "$2" --config <(printf 'user = "%s:%s"\n' "$1" "$PASSWORD") "${@:3}"
}

# json TEXT: what curl needs to send it.
json() { sent=(--header 'Content-Type: application/json' --data "$1"); }

# has TEXT: the last answer contains it.
has() { grep --quiet --fixed-strings -- "$1" body || fail "no $1 in $(cat body)"; }
lacks() { if grep --quiet --fixed-strings -- "$1" body; then fail "$1 in $(cat body)"; fi; }

# text NAME: the value of a text in the last answer.
text() {
    local value
    value=$(grep --only-matching "\"$1\":\"[^\"]*\"" body | head -n 1 | cut -d '"' -f 4)
    [[ -n $value ]] || fail "no $1 in $(cat body)"
    printf '%s' "$value"
}

# works STATUS SECRET NAME: by every carrier the token gets the same verdict.
works() {
    call "$1" --header "Authorization: Bearer $2" "$refs=git-upload-pack"
    call "$1" --user "$3:$2" "$refs=git-upload-pack"
    call "$1" --user "$3:$2" "$api/self"
    call "$1" --header "Authorization: Bearer $2" "$api/self"
}

# life PERSON PATH NAME: the whole life of a token of the owner at PATH; NAME is what it is presented under.
life() {
    local owner=$api/$2 token secret old
    json '{"name": "build", "permissions": ["REPO_READ"], "expiryDays": 30}'
    as "$1" 200 --request PUT "${sent[@]}" "$owner"
    token=$owner/$(text id)
    secret=$(text token)
    lacks lastAuthenticated
    as "$1" 200 "$token"
    has '"permissions":["REPO_READ"]'
    lacks "$secret"
    as "$1" 200 "$owner?limit=1000"
    has "\"id\":\"${token##*/}\""
    lacks "$secret"
    has '"isLastPage":true'

    works 200 "$secret" "$3"
    call 403 --header "Authorization: Bearer $secret" "$refs=git-receive-pack"
    has 'REPO_WRITE'
    local round
    for round in {1..200}; do
        as "$1" 200 "$token"
        if grep --quiet lastAuthenticated body; then break; fi
        ((round < 200)) || fail "no use shows: $(cat body)"
        sleep 0.1
    done

    # A token manages nothing.
    call 403 --user "$3:$secret" "$owner"
    call 403 --user "$3:$secret" --request PUT "${sent[@]}" "$owner"
    call 403 --header "Authorization: Bearer $secret" --request DELETE "$token"
    call 403 --header "Authorization: Bearer $secret" "$api/settings"

    json '{"name": "release", "permissions": ["REPO_WRITE"]}'
    as "$1" 200 --request POST "${sent[@]}" "$token"
    has '"name":"release"'
    call 200 --header "Authorization: Bearer $secret" "$refs=git-receive-pack"
    json '{"expiryDays": 60}'
    as "$1" 400 --request POST "${sent[@]}" "$token"

    old=$secret
    as "$1" 200 --request POST "$token/rotate"
    token=$owner/$(text id)
    secret=$(text token)
    works 401 "$old" "$3"
    works 200 "$secret" "$3"

    as "$1" 204 --request DELETE "$token"
    works 401 "$secret" "$3"
    as "$1" 404 "$token"
    as "$1" 404 --request DELETE "$token"
}

# Nobody, and somebody with a wrong password.
call 401 "$api/users/alice"
call 401 --user alice:wrong "$api/users/alice"

life alice users/alice alice
life paula projects/team x-token-auth
life paula projects/team/repos/app x-token-auth
as alice 401 "$api/projects/team"
as alice 401 "$api/users/paula"

# A token ends itself.
json '{"name": "short", "permissions": ["REPO_READ"]}'
as alice 200 --request PUT "${sent[@]}" "$api/users/alice"
secret=$(text token)
call 204 --request DELETE --header "Authorization: Bearer $secret" "$api/self"
works 401 "$secret" alice

# Thirty tokens in pages of twenty-five.
for _ in {1..30}; do
    as alice 200 --request PUT "${sent[@]}" "$api/users/alice"
done
as alice 200 "$api/users/alice"
has '"size":25'
has '"nextPageStart":25'
as alice 200 "$api/users/alice?start=25"
has '"size":5'
has '"isLastPage":true'

# What an administrator demands.
as alice 401 "$api/settings"
json '{"expiryRequired": true, "maxExpiryDays": 30}'
as root 200 --request PUT "${sent[@]}" "$api/settings"
has '"expiryRequired":true,"maxExpiryDays":30'
json '{"name": "endless", "permissions": ["REPO_READ"]}'
as alice 400 --request PUT "${sent[@]}" "$api/users/alice"
json '{"name": "ending", "permissions": ["REPO_READ"], "expiryDays": 30}'
as alice 200 --request PUT "${sent[@]}" "$api/users/alice"
has '"expiryDate":'
token=$api/users/alice/$(text id)
secret=$(text token)
as root 401 --request PUT "${sent[@]}" "$api/users/alice"
as root 200 "$api/all?filter=owner:alice+ending"
has '"name":"ending"'
as root 204 --request DELETE "$token"
works 401 "$secret" alice
