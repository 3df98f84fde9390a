//! Names that have a meaning in Rust, its prelude or generated code, each as the name of everything that a model can
//! name. The result compiles without a warning.

use std::{collections::BTreeSet, fs};

use crate::support::{Folder, Workspace};
use codegen::{Config, Diagnostic, Generated, GeneratedFile};
use serde_json::{Map, Value, json};
use syn::UseTree;

/// Keywords, reserved keywords and contextual keywords.
const KEYWORDS: &str = "abstract as async auto await become box break const continue crate do dyn else enum extern false \
    final fn for gen if impl in let loop macro macro_rules match mod move mut override priv pub raw ref return safe self \
    static struct super trait true try type typeof union unsafe unsized use virtual where while yield";

/// Names of the prelude and the standard library that generated code may use.
const STANDARD: &str = "Arc AsMut AsRef Borrow BTreeMap Box Cell Clone Copy Cow Debug Default Deref Display \
    DoubleEndedIterator Drop Duration Eq Err Error ExactSizeIterator Extend Fn FnMut FnOnce Formatter From FromIterator FromStr \
    Future Hash HashMap HashSet Infallible Instant Into IntoFuture IntoIterator Iterator Mutex None Ok Option Ord PartialEq \
    PartialOrd Path PhantomData Pin Poll Rc RefCell Result Self Send Sized Some String Stream SystemTime Sync ToOwned ToString \
    TryFrom TryInto Unpin Vec bool char f32 f64 i128 i16 i32 i64 i8 isize str u128 u16 u32 u64 u8 usize core alloc std \
    assert_eq cfg derive dbg doc format include_str matches panic print println test todo vec write writeln";

/// Names of modules, methods and types in generated code and in the runtime.
const GENERATED: &str = "add sub mul div rem neg not shl shr bitand bitor bitxor index deref Blob BuildError Builder Builders CallOptions Client ConnectError Connection ConnectionBuilder \
    ConnectionError Deserialize Deserializer Document ErrorMetadata ErrorShape Fault IncomingCall InvalidRequest MapAccess MemberValue \
    NoEvents Operation OperationError Overflow RequestContext ResponseError SdkError Serialize Serializer Server \
    Service Shape StreamHandler StreamingOperation StreamingRequest StreamingResponse SubscribeOptions \
    Subscription SubscriptionHandle Timestamp Types Unhandled Union Unknown Violation ViolationKind Visitor \
    metadata as_ref as_str as_unknown borrow borrow_mut build builder builders call call_timeout clear client clone \
    clone_from close cmp code connect connection customize default deserialize drop eq error eventstream_rpc fluent fmt \
    from from_payload from_str fault hash id into into_iter invalid_request is_retryable is_throttling is_unknown iter key \
    lib main member message meta mod_ name ne new next operation options overflow partial_cmp primitives queue_limit read_member \
    request request_id response send serde serialize serde_json server service set set_build set_set_type set_type source \
    spawn_handler subscription take tokio to_owned to_string try_from try_into type_id types unhandled value values visit_map \
    with_notices";

#[test]
fn every_word_can_be_the_name_of_everything() {
    let folder = Folder::new("names");
    let mut workspace = Workspace::new(&folder);
    let models = [
        ("structures", structures()),
        ("unions", unions()),
        ("enums", enums()),
        ("errors", errors()),
        ("operations", operations()),
        ("streams", streams()),
    ];
    let mut modules: Vec<(String, Vec<GeneratedFile>)> = models
        .into_iter()
        .map(|(name, shapes)| (name.to_owned(), generated(name, &shapes, "Course").files))
        .collect();
    for service in ["Client", "Error", "Operation", "Option", "Result", "Self", "Service", "type"] {
        let module = format!("service_{}", service.to_lowercase());
        let shapes = model(&json!({ "value": { "target": "smithy.api#String" } }), service, &[]);
        let files = generated(&module, &shapes, service).files;
        modules.push((module, files));
    }
    let modules: Vec<_> = modules.iter().map(|(name, files)| (name.clone(), &files[..])).collect();
    workspace.add_batch("course", &modules);
    workspace.check_code();
}

#[test]
fn a_changed_name_is_a_warning_with_the_reason() {
    for (shapes, count) in [(structures(), 1), (enums(), 1), (errors(), 1), (operations(), 1)] {
        let generated = generated("warned", &shapes, "Course");
        // Only streams have these events.
        let is_about_name = |it: &&Diagnostic| it.shape.as_deref() != Some("t.n#Events_");
        let warnings: Vec<_> = generated.warnings.iter().filter(is_about_name).collect();
        assert!(warnings.len() > count);
        for warning in warnings {
            assert!(warning.message.starts_with("its Rust name is "), "{}", warning.message);
            let id = warning.shape.as_ref().expect("a shape");
            assert!(
                id.starts_with("t.n#") && warning.position.is_some() && warning.hint.is_some(),
                "{id}"
            );
        }
    }
}

/// Derived names as the names of shapes, and the names of a builder's own fields as those of members.
#[test]
fn derived_names_change_before_names_of_the_model() {
    let mut shapes = operations_of(&["Run".to_owned(), "Watch".to_owned()], |name| {
        let members = ["connection", "options", "into_parts", "request", "set_options"];
        let members = members.map(|it| (it, "smithy.api#String".to_owned()));
        json!({ format!("t.n#{name}Request"): { "type": "structure", "members": self::members(members) } })
    });
    shapes["t.n#Watch"]["output"] = json!({ "target": "smithy.api#Unit" });
    let made_up = [
        "RunBuilder",
        "RunFluentBuilder",
        "RunError",
        "RunRequestBuilder",
        "WatchBuilder",
        "WatchError",
        "WatchResponse",
        "WatchResponseBuilder",
        "CourseService",
        "MadeUpBuilder",
    ];
    let mut all = vec![("plain", "t.n#MadeUp".to_owned())];
    all.extend(made_up.iter().map(|it| (*it, format!("t.n#{it}"))));
    shapes["t.n#MadeUp"] =
        json!({ "type": "structure", "members": members([("x", "smithy.api#String".to_owned())]) });
    for name in made_up {
        shapes[format!("t.n#{name}")] = shapes["t.n#MadeUp"].clone();
    }
    shapes["t.n#RunResponse"]["members"] = members(all);
    let generated = generated("made_up", &shapes, "Course");
    let renamed = generated.warnings.iter().filter(|it| it.message.contains(" instead of "));
    assert!(renamed.count() >= 6);
    let folder = Folder::new("made_up");
    let mut workspace = Workspace::new(&folder);
    workspace.add_batch("course", &[("made_up".to_owned(), &generated.files[..])]);
    workspace.check_code();
}

/// Types with names of one letter, like type parameters, everywhere that types are named.
#[test]
fn types_are_not_mistaken_for_type_parameters() {
    let letters: Vec<_> = ('A'..='Z').map(String::from).collect();
    let all = letters.iter().map(|it| (&**it, format!("t.n#{it}")));
    let all: Vec<_> = all.filter(|it| it.0 != "T").collect();
    let value = members([("A", "smithy.api#Unit".to_owned()), ("B", "smithy.api#Unit".to_owned())]);
    let with_shapes = |mut model: Value, members: &Value| {
        for id in all.iter().map(|it| &it.1) {
            model[id] = json!({ "type": "enum", "members": value });
        }
        model["t.n#Either"] = json!({ "type": "union", "members": members });
        model["t.n#RunRequest"]["members"]["either"] = json!({ "target": "t.n#Either" });
        model
    };
    let mut defaults = members(all.iter().cloned());
    for member in defaults.as_object_mut().expect("an object").values_mut() {
        member["traits"] = json!({ "smithy.api#default": "B" });
    }
    let service = with_shapes(model(&defaults, "T", &[]), &members(all.iter().cloned()));
    let mut operation =
        with_shapes(model(&json!({}), "Course", &[]), &members(all.iter().cloned()));
    operation["t.n#T"] = operation["t.n#Run_"].take();
    operation.as_object_mut().expect("an object").remove("t.n#Run_");
    operation["t.n#Course"]["operations"] = json!([{ "target": "t.n#T" }]);
    let modules = [("service_t", service, "T"), ("operation_t", operation, "Course")];
    let modules =
        modules.map(|(name, model, service)| (name.to_owned(), generated(name, &model, service)));
    let folder = Folder::new("letters");
    let mut workspace = Workspace::new(&folder);
    let modules: Vec<_> = modules.iter().map(|(name, it)| (name.clone(), &it.files[..])).collect();
    workspace.add_batch("course", &modules);
    workspace.check_code();
}

/// Types of a model do not hide types that generated code imports.
#[test]
fn every_type_that_is_imported_is_reserved() {
    let mut imported = BTreeSet::new();
    for kind in fs::read_dir(crate::support::tests("golden")).unwrap() {
        let json = fs::read_to_string(kind.unwrap().path().join("model.json")).unwrap();
        for file in crate::support::generated(&Config::new("golden"), &json).files {
            // These modules re-export items of the runtime, and use types of a model only in builders.
            let hands_on = ["lib.rs", "client.rs", "blocking.rs", "error.rs", "primitives.rs"];
            if !file.path.ends_with(".rs") || hands_on.contains(&&*file.path) {
                continue;
            }
            for item in syn::parse_file(&file.contents).unwrap().items {
                let syn::Item::Use(item) = item else { continue };
                let UseTree::Path(path) = item.tree else { continue };
                if !["std", "serde", "eventstream_rpc"].iter().any(|it| path.ident == it) {
                    continue;
                }
                let mut names = Vec::new();
                leaves(&path.tree, &mut names);
                let is_type = |it: &&String| it.starts_with(|it: char| it.is_ascii_uppercase());
                let names = names.into_iter().filter(|it| is_type(&it) && *it != it.to_uppercase());
                imported.extend(names);
            }
        }
    }
    assert!(imported.len() > 40, "{imported:?}");
    assert_eq!(renamed(&imported), imported);
}

/// The names that structures cannot have.
fn renamed(names: &BTreeSet<String>) -> BTreeSet<String> {
    let all = names.iter().map(|it| (&**it, format!("t.n#{it}")));
    let mut model = model(&members(all), "Course", &[]);
    for name in names {
        model[format!("t.n#{name}")] = json!({ "type": "structure" });
    }
    let warnings = generated("renamed", &model, "Course").warnings;
    let shapes = warnings.iter().filter_map(|it| it.shape.as_deref()?.strip_prefix("t.n#"));
    shapes.filter(|it| names.contains(*it)).map(str::to_owned).collect()
}

/// The names that a `use` imports.
fn leaves(tree: &UseTree, names: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, names),
        UseTree::Name(name) => names.push(name.ident.to_string()),
        UseTree::Group(group) => group.items.iter().for_each(|it| leaves(it, names)),
        UseTree::Rename(_) | UseTree::Glob(_) => {}
    }
}

#[track_caller]
fn generated(module: &str, shapes: &Value, service: &str) -> Generated {
    let json = json!({ "smithy": "2.0", "shapes": shapes }).to_string();
    let mut config = Config::new(format!("course::{module}"));
    config.service = Some(format!("t.n#{service}"));
    crate::support::generated(&config, &json)
}

/// The words without duplicates. Case is ignored, because shapes must not differ only in case.
fn words() -> Vec<&'static str> {
    let mut seen = BTreeSet::new();
    let all = [KEYWORDS, STANDARD, GENERATED].into_iter().flat_map(str::split_whitespace);
    all.filter(|it| seen.insert(it.to_ascii_lowercase())).collect()
}

/// The words with a capital, as names of shapes: all that are not reserved, and some that are renamed. Compiling more
/// of the latter would test the same code again.
fn type_names() -> Vec<String> {
    let mut seen = BTreeSet::new();
    let capital = |it: &str| it[..1].to_ascii_uppercase() + &it[1..];
    let mut names: Vec<_> = words().into_iter().map(capital).collect();
    names.retain(|it| seen.insert(it.to_ascii_lowercase()));
    let is_plain = |it: &str| KEYWORDS.split_whitespace().any(|word| it.eq_ignore_ascii_case(word));
    let renamed = renamed(&names.iter().cloned().collect());
    let mut index = 0;
    names.retain(|name| {
        let is_alike = renamed.contains(name) || is_plain(name);
        index += usize::from(is_alike);
        !is_alike
            || index % 8 == 0
            || ["Option", "Vec", "Box", "Some", "Fn", "Mod"].contains(&&**name)
    });
    names
}

/// A member of each of these names and targets.
fn members<'n>(all: impl IntoIterator<Item = (&'n str, String)>) -> Value {
    let members =
        all.into_iter().map(|(name, target)| (name.to_owned(), json!({ "target": target })));
    Value::Object(members.collect::<Map<_, _>>())
}

/// A model with one operation, `Run`, whose request has these members and which has these errors.
fn model(members: &Value, service: &str, errors: &[String]) -> Value {
    let errors: Vec<_> = errors.iter().map(|it| json!({ "target": format!("t.n#{it}") })).collect();
    json!({
        format!("t.n#{service}"): { "type": "service", "operations": [{ "target": "t.n#Run_" }] },
        "t.n#Run_": {
            "type": "operation",
            "input": { "target": "t.n#RunRequest" },
            "output": { "target": "t.n#RunResponse" },
            "errors": errors,
        },
        "t.n#RunRequest": { "type": "structure", "members": members },
        "t.n#RunResponse": { "type": "structure", "members": members },
    })
}

/// A model in which the request has a member for each shape, and one for each word.
fn shapes_named(shape: impl Fn(&str) -> Value) -> Value {
    let names = type_names();
    let all = names.iter().map(|it| (&**it, format!("t.n#{it}")));
    let mut model = model(&members(all), "Course", &[]);
    for name in &names {
        model[format!("t.n#{name}")] = shape(name);
    }
    model
}

fn texts() -> Value {
    members(words().into_iter().map(|it| (it, "smithy.api#String".to_owned())))
}

/// Members `x`, `setX` and `set_set_x` of each word, whose setters would collide.
fn setters() -> Value {
    let names = words()
        .into_iter()
        .take(20)
        .flat_map(|it| [it.to_owned(), format!("set_{it}"), format!("set_set_{it}")]);
    let names: Vec<_> = names.collect();
    members(names.iter().map(|it| (&**it, "smithy.api#Integer".to_owned())))
}

fn structures() -> Value {
    let mut model = shapes_named(|_| json!({ "type": "structure", "members": texts() }));
    for (key, shape) in model.as_object_mut().expect("an object") {
        // One structure has all words; the others have two members.
        if shape["type"] == "structure" && !key.contains("Run") && key != "t.n#Option" {
            shape["members"] = members([
                ("value", "smithy.api#String".to_owned()),
                ("result", "t.n#Option".to_owned()),
            ]);
        }
    }
    model["t.n#Box"]["members"] = setters();
    let numbers = words().into_iter().map(|it| (it, "smithy.api#Integer".to_owned()));
    model["t.n#Fn"]["members"] = members(numbers);
    model["t.n#Vec"]["members"]["value"]["traits"] = json!({ "smithy.api#required": {} });
    model
}

fn unions() -> Value {
    let two = members([
        ("string", "smithy.api#String".to_owned()),
        ("option", "smithy.api#Integer".to_owned()),
    ]);
    let mut model = shapes_named(|_| json!({ "type": "union", "members": two }));
    model["t.n#Vec"]["members"] = texts();
    model["t.n#Some"]["members"] = {
        let names = type_names();
        members(names.iter().map(|it| (&**it, "t.n#Vec".to_owned())))
    };
    model
}

fn enums() -> Value {
    let unit = || "smithy.api#Unit".to_owned();
    let mut model = shapes_named(
        |_| json!({ "type": "enum", "members": members([("A", unit()), ("b", unit())]) }),
    );
    model["t.n#Vec"]["members"] = members(words().into_iter().map(|it| (it, unit())));
    model
}

fn errors() -> Value {
    let names = type_names();
    let mut model = model(&texts(), "Course", &names);
    for (index, name) in names.iter().enumerate() {
        let all = match index % 3 {
            0 => members([("message", "smithy.api#String".to_owned())]),
            1 => json!({}),
            _ => members([
                ("Message", "smithy.api#String".to_owned()),
                ("source", "smithy.api#String".to_owned()),
                ("code", "smithy.api#String".to_owned()),
                ("fault", "smithy.api#String".to_owned()),
            ]),
        };
        model[format!("t.n#{name}")] = json!({ "type": "structure", "members": all, "traits": { "smithy.api#error": "client" } });
    }
    model["t.n#Vec"]["members"] = texts();
    model
}

/// An operation of each name, whose request and response have derived names.
fn operations() -> Value {
    operations_of(&type_names(), |name| {
        json!({ format!("t.n#{name}Request"): { "type": "structure", "members": {
            "type": { "target": "smithy.api#String", "traits": { "smithy.api#required": {} } },
            "self": { "target": "smithy.api#String" },
        } } })
    })
}

/// Subscriptions for some of the names. Only their builders differ from those of other operations.
fn streams() -> Value {
    let names: Vec<_> = type_names().into_iter().step_by(5).collect();
    operations_of(&names, |name| {
        json!({
            format!("t.n#{name}Request"): { "type": "structure", "members": {
                "send": { "target": "smithy.api#String" }, "overflow": { "target": "smithy.api#String" },
            } },
            format!("t.n#{name}Response"): { "type": "structure", "members": {
                "stream": { "target": "t.n#Events_" },
            } },
        })
    })
}

fn operations_of(names: &[String], shapes: impl Fn(&str) -> Value) -> Value {
    let mut model = json!({
        "t.n#Event_": { "type": "structure", "members": { "text": { "target": "smithy.api#String" } } },
        "t.n#Events_": { "type": "union", "traits": { "smithy.api#streaming": {} },
            "members": { "event": { "target": "t.n#Event_" } } },
    });
    let mut operations = Vec::new();
    for name in names {
        let [id, input, output] = ["", "Request", "Response"].map(|it| format!("t.n#{name}{it}"));
        operations.push(json!({ "target": id }));
        model[&output] = json!({ "type": "structure" });
        for (id, shape) in shapes(name).as_object().expect("an object") {
            model[id] = shape.clone();
        }
        model[&id] = json!({ "type": "operation", "input": { "target": input }, "output": { "target": output } });
    }
    model["t.n#Course"] = json!({ "type": "service", "operations": operations });
    model
}
