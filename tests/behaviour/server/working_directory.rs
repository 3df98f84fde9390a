//! A server and a change of the working directory. The test changes that of its process, so it runs in its own process.

use std::fs;

use eventstream_rpc::server::Server;

#[test]
fn a_relative_socket_is_removed_after_a_change_of_the_working_directory() {
    test_util::in_own_process(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _guard = runtime.enter();
        let folder = test_util::socket_path();
        let (first, second) = (folder.join("first"), folder.join("second"));
        for folder in [&first, &second] {
            fs::create_dir_all(folder).unwrap();
        }
        std::env::set_current_dir(&first).unwrap();
        let server = Server::bind("socket").unwrap();
        std::env::set_current_dir(&second).unwrap();
        fs::write("socket", "another file").unwrap();
        drop(server);
        assert!(!first.join("socket").exists() && second.join("socket").exists());
        fs::remove_dir_all(&folder).unwrap();
    });
}
