use super::*;
use crate::frame::{Decoder, FrameEncoder};

/// What a socket gives at a time.
const SOCKET_LEN: usize = 200_000;

/// Each way to read: what has been sent is read as far as there is room.
type Read = fn(&mut Input, &mut BytesMut, usize);

const WAYS: &[Read] = &[
    #[cfg(any(feature = "tokio", feature = "server"))]
    |input, sent, missing| {
        let room = input.make_room(missing);
        let start = input.filled.as_ptr();
        let len = room.min(SOCKET_LEN).min(sent.len());
        input.filled.extend_from_slice(&sent.split_to(len));
        assert_eq!(input.filled.as_ptr(), start, "there was room");
        if len == room {
            input.was_full(room, missing);
        }
    },
    #[cfg(feature = "blocking")]
    |input, sent, missing| {
        let space = input.space(missing);
        let len = space.len().min(SOCKET_LEN).min(sent.len());
        space[..len].copy_from_slice(&sent.split_to(len));
        input.add(len, missing);
    },
];

fn end_of_buffer(input: &Input) -> usize {
    let end = input.filled.as_ptr() as usize + input.filled.capacity();
    #[cfg(feature = "blocking")]
    let end = end + input.spare.len();
    end
}

fn messages(lens: &[usize]) -> BytesMut {
    let mut bytes = BytesMut::new();
    for len in lens {
        let mut frame = FrameEncoder::new(&mut bytes);
        frame.payload(&vec![0; *len]);
        frame.finish().unwrap();
    }
    bytes
}

#[test]
fn what_waits_keeps_little_more_than_itself() {
    for read in WAYS {
        for gap in [1_000, 15_000, 40_000, 100_000, 250_000, 300_000, 1_200_000] {
            let mut sent = messages(&[gap, 5_000, 100].repeat(12));
            let (mut input, mut decoder) = (Input::default(), Decoder::default());
            let (mut buffer, mut waiting) = (0..0, Vec::new());
            while !sent.is_empty() {
                let missing = decoder.missing(&input.filled);
                read(&mut input, &mut sent, missing);
                let end = end_of_buffer(&input);
                if end != buffer.end {
                    buffer = input.filled.as_ptr() as usize..end;
                }
                assert_eq!(buffer.len(), input.buffer_len);
                while let Some(frame) =
                    decoder.decode_in(&mut input.filled, input.buffer_len).unwrap()
                {
                    let (at, len) = (frame.as_bytes().as_ptr() as usize, frame.as_bytes().len());
                    let kept = if buffer.contains(&at) { buffer.len() } else { len };
                    assert!(kept <= 4 * len, "{gap}: {len} bytes keep {kept}");
                    if len > MAX_LARGE_READ_LEN {
                        assert_eq!(kept, len, "the buffer of a long message ends where it does");
                    }
                    waiting.push(frame);
                }
                input.shrink();
            }
            assert_eq!(waiting.len(), 36);
        }
    }
}

#[test]
fn the_buffer_of_a_long_message_is_not_kept() {
    for read in WAYS {
        for len in [2_000, 250_000, 300_000, 900_000, 1_100_000, 8_200_000, 20_000_000] {
            let mut sent = messages(&[len]);
            let (mut input, mut decoder) = (Input::default(), Decoder::default());
            while !sent.is_empty() {
                let missing = decoder.missing(&input.filled);
                read(&mut input, &mut sent, missing);
                drop(decoder.decode_in(&mut input.filled, input.buffer_len).unwrap());
                input.shrink();
            }
            assert!(input.buffer_len <= MAX_KEPT, "{len}");
            assert!(!input.filled.try_reclaim(MAX_KEPT + 1), "{len}");
        }
    }
}

#[cfg(feature = "blocking")]
#[test]
fn what_is_read_in_pieces_is_one_piece() {
    let mut input = Input::default();
    let mut expected = Vec::new();
    for (number, len) in [1, 40_000, 30_000, 65_000, 200_000, 5].into_iter().enumerate() {
        let mut left = len;
        while left > 0 {
            let space = input.space(left);
            let len = space.len().min(left);
            space[..len].fill(number as u8);
            input.add(len, left);
            left -= len;
        }
        expected.resize(expected.len() + len, number as u8);
        assert_eq!(input.filled, expected);
        // Whole messages are taken off the front.
        let taken = expected.len() / 3;
        assert_eq!(input.filled.split_to(taken), expected.drain(..taken).as_slice());
    }
}

#[cfg(feature = "blocking")]
#[test]
fn a_buffer_is_short_until_much_is_read_at_a_time() {
    let mut input = Input::default();
    assert_eq!(input.space(0).len(), READ_LEN);
    input.add(100, 0);
    input.filled.clear();
    assert_eq!((input.space(0).len(), input.buffer_len), (READ_LEN - 100, READ_LEN));
    for _ in 0..20 {
        let len = input.space(0).len();
        input.add(len, 0);
        input.filled.clear();
    }
    assert_eq!(input.space(0).len(), MAX_READ_LEN);
}
