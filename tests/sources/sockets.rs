//! Each kind of socket has files of its own, and no other file of the runtime names its types.

use std::{fs, path::Path};

use proc_macro2::{TokenStream, TokenTree};

use crate::sources;

/// The types of one kind, and where they may be named.
const KINDS: [(&[&str], &str); 3] = [
    (&["UnixStream", "UnixListener", "UnixDatagram", "SocketAddrUnix"], "transport/unix"),
    (&["TcpStream", "TcpListener", "UdpSocket"], "transport/tcp"),
    // The types that all kinds share.
    (&["RecvFlags", "SendFlags", "Shutdown"], "transport/socket"),
];

#[test]
fn only_the_files_of_a_kind_of_socket_name_its_types() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtime/src");
    let mut wrong = Vec::new();
    let mut is_named = [false; KINDS.len()];
    for file in sources(&root) {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let names = names(text.parse().unwrap());
        for (index, (types, place)) in KINDS.iter().enumerate() {
            let named = names.iter().filter(|it| types.contains(&it.as_str()));
            if path.starts_with(place) {
                is_named[index] |= named.count() > 0;
            } else {
                wrong.extend(named.map(|it| format!("{path} names {it}: it belongs in {place}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(is_named, [true; KINDS.len()], "the sources are read");
}

/// All identifiers outside comments.
fn names(tokens: TokenStream) -> Vec<String> {
    let of_token = |token| match token {
        TokenTree::Group(group) => names(group.stream()),
        TokenTree::Ident(ident) => vec![ident.to_string()],
        TokenTree::Punct(_) | TokenTree::Literal(_) => Vec::new(),
    };
    tokens.into_iter().flat_map(of_token).collect()
}
