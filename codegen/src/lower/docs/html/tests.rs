//! HTML and what becomes of it.

use super::*;

#[track_caller]
fn check(html: &str, expected: &str) {
    assert!(is_html(html), "{html}");
    assert_eq!(to_markdown(html), expected);
}

#[test]
fn paragraphs_and_what_is_in_them() {
    check("<p>One\n   two.</p><p>Three</p>\n", "One two.\n\nThree");
    check("<p>a <b> bold</b> and <i>it</i>alic</p>", "a **bold** and *it*alic");
    check("<p>a<b> <i> b</i></b> c<i>d</i></p>", "a ***b*** c*d*");
    check("<p>a <b> <a href='https://x'>b </a> </b>c</p>", "a **[b](https://x)** c");
    check("<p>a <a href='https://x'><b> b</b></a></p>", "a [**b**](https://x)");
    check("<p>a <i></i>x y <b>z</b></p>", "a x y **z**");
    check("<ul><li><p><i> <a href='https://x'>b</a> </i></p></li></ul>", "- *[b](https://x)*");
    check("<p>x <code>a &lt; b</code>, <code> </code>y</p>", "x `a < b`, y");
    check(
        "<p>see <a href=\"https://x.y/a(b)\">the <i>page</i></a>.</p>",
        "see [the *page*](https://x.y/a%28b%29).",
    );
    check("<p><a>Thing</a> and <a href='#x'>some place</a></p>", "`Thing` and some place");
    check(
        "<p>1 < 2 &amp;&amp; <componentName> *not* [x]</p>",
        "1 \\< 2 && \\<componentName> \\*not\\* \\[x\\]",
    );
    check("<p>a<br/>b<br></p><p>c</p>", "a\\\nb\n\nc");
    check(
        "<p># no heading</p><p>1. no list</p><p>- none</p>",
        "\\# no heading\n\n1\\. no list\n\n\\- none",
    );
    check("<script>x < y</script><p>z</p><!-- no -->", "z");
    check(
        "<h2>Title</h2><p>text</p><note><p>mind</p></note>",
        "## Title\n\ntext\n\n**Note:** mind",
    );
    check("<p><b>open<p>next", "**open**\n\nnext");
}

#[test]
fn lists_and_tables() {
    check(
        "<p>a:</p><ul><li><p>one</p></li><li>two<ul><li>in</li></ul></li><li><p>x</p><p>y</p></li></ul><p>end</p>",
        "a:\n\n- one\n- two\n  - in\n- x\n\n  y\n\nend",
    );
    check("<ol><li>a</li> <li>b</li></ol>", "1. a\n2. b");
    check(
        "<dl><dt>Name</dt><dd><p>what it is</p></dd><dt>B</dt><dd>c</dd></dl>",
        "- Name: what it is\n- B: c",
    );
    check("<pre>a\n  <b>b</b> &lt;</pre><p>c</p>", "```text\na\n  b <\n```\n\nc");
    check(
        "<table><tr><th>a</th><th>b</th></tr><tr><td><p>1|2</p></td></tr></table>",
        "| a | b |\n| --- | --- |\n| 1\\|2 |  |",
    );
}
