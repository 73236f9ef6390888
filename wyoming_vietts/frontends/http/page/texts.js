// What the page says, in Vietnamese and in English.

const TEXTS = {
  vi: {
    language: "Ngôn ngữ",
    connecting: "Đang kết nối với máy chủ…",
    status: (s) => `${s.engine} trên ${s.device} · ${s.voices} giọng · ${s.requests} lượt đọc` +
      (s.real_time_factor === null ? "" : ` · hệ số thời gian thực ${number(s.real_time_factor)}`),
    speakHeading: "Đọc thử", text: "Văn bản", voice: "Giọng", speed: "Tốc độ", speak: "Đọc", stop: "Dừng",
    sample: "Xin chào! Bây giờ là 8h30, ngoài trời 26,5°C.",
    speaking: "Đang đọc…", spokenText: "Bài đọc", save: "Tải về tệp WAV",
    showWords: "Xem cách đọc", wordsHeading: "Văn bản được đọc thành",
    lexiconHelp: "Đọc chưa đúng? Thêm từ vào từ điển riêng:", written: "Viết là", spoken: "Đọc là", addWord: "Thêm từ",
    wordAdded: (written, spoken) => `Từ nay “${written}” đọc là “${spoken}”.`,
    noLexicon: "Máy chủ chưa có từ điển: hãy chạy với --lexicon TỆP.",
    voicesHeading: "Các giọng đọc", hear: "Nghe", hearVoice: (name) => `Nghe giọng ${name}`,
    rename: "Đổi tên", renameVoice: (name) => `Đổi tên giọng ${name}`, newName: "Tên mới", keep: "Lưu", cancel: "Thôi",
    remove: "Xóa", removeVoice: (name) => `Xóa giọng ${name}`, removed: (name) => `Đã xóa giọng ${name}. `, undo: "Hoàn tác",
    restored: (name) => `Đã khôi phục giọng ${name}.`,
    byDefault: "Mặc định", makeDefault: "Đặt mặc định", makeVoiceDefault: (name) => `Đặt giọng ${name} làm mặc định`,
    greeting: (name) => `Xin chào, tôi là ${name}. Rất vui được đọc cho bạn nghe.`,
    preparing: "đang chuẩn bị",
    cloneHeading: "Nhân bản một giọng", cloneHelp: "Chỉ cần vài giây ghi âm của một người, nói rõ, không có tiếng ồn. Thả tệp vào đây, hoặc ghi âm ngay.",
    needsEngine: (how) => `Muốn nhân bản giọng, máy chủ cần bộ máy VietTTS: ${how}`,
    chooseFile: "Tệp ghi âm", record: "Ghi âm", stopRecording: "Dừng ghi", level: "Độ lớn",
    seconds: (n) => `${n} giây`, checking: "Đang nghe bản ghi…",
    stretch: (from, to) => `Dạng sóng của bản ghi; phần được dùng là từ giây ${number(from)} đến giây ${number(to)}`,
    playStretch: "Nghe phần được dùng", voiceName: "Tên giọng", goodRecording: "Bản ghi dùng được. Đây là phần sẽ làm nên giọng.",
    consent: "Người trong bản ghi đồng ý cho nhân bản giọng của mình.", makeVoice: "Tạo giọng", made: (name) => `Đã có giọng ${name}.`,
    noMicrophone: "Trình duyệt không cho dùng micrô. Micrô chỉ dùng được qua HTTPS hoặc trên chính máy này.",
    downloadsHeading: "Tải giọng và mô hình", download: "Tải về", downloadWhat: (name) => `Tải ${name}`, isThere: "đã có",
    licence: (text) => `Giấy phép: ${text}`, needs: (what) => `Cần trước: ${what}`, progress: (name) => `Tiến độ tải ${name}`,
    about: {
      "vi_VN-vais1000-medium": "giọng tự nhiên cho máy nhỏ (Piper)",
      vietts: "mô hình AI để nhân bản giọng (cần PyTorch)",
    },
    errors: {
      unreachable: "Không kết nối được với máy chủ.", "text-too-long": "Văn bản dài quá.", "unknown-voice": "Giọng này không còn.",
      "engine-failed": "Bộ máy đọc gặp lỗi; xem nhật ký của máy chủ.", "bad-ssml": "SSML viết sai.", unauthorized: "Cần mã truy cập.",
      "not-audio": "Tệp này không phải âm thanh mà máy chủ đọc được.", "too-short": "Bản ghi ngắn quá: cần ít nhất 2 giây.",
      "too-long": "Bản ghi dài quá: nhiều nhất 10 phút.", "too-quiet": "Bản ghi nhỏ quá: hãy nói gần micrô hơn.",
      clipped: "Bản ghi bị vỡ tiếng: hãy nói xa micrô hơn.", "no-speech": "Không nghe thấy ai nói trong bản ghi.",
      "two-voices": "Hình như có hai người nói: chỉ nên có một giọng.", "too-large": "Tệp lớn quá.",
      "too-many": "Đã tạo nhiều giọng quá; hãy thử lại sau.",
    },
  },
  en: {
    language: "Language",
    connecting: "Connecting to the server…",
    status: (s) => `${s.engine} on ${s.device} · ${s.voices} voices · ${s.requests} answers` +
      (s.real_time_factor === null ? "" : ` · real-time factor ${number(s.real_time_factor)}`),
    speakHeading: "Try it", text: "Text", voice: "Voice", speed: "Speed", speak: "Speak", stop: "Stop",
    sample: "Xin chào! Bây giờ là 8h30, ngoài trời 26,5°C.",
    speaking: "Speaking…", spokenText: "What was spoken", save: "Save as a WAV file",
    showWords: "Show how it is read", wordsHeading: "The text is read as",
    lexiconHelp: "Not read well? Add a word to your lexicon:", written: "Written", spoken: "Spoken", addWord: "Add word",
    wordAdded: (written, spoken) => `“${written}” is read as “${spoken}” from now on.`,
    noLexicon: "The server has no lexicon: start it with --lexicon FILE.",
    voicesHeading: "Voices", hear: "Hear", hearVoice: (name) => `Hear the voice ${name}`,
    rename: "Rename", renameVoice: (name) => `Rename the voice ${name}`, newName: "New name", keep: "Save", cancel: "Cancel",
    remove: "Delete", removeVoice: (name) => `Delete the voice ${name}`, removed: (name) => `Deleted the voice ${name}. `, undo: "Undo",
    restored: (name) => `The voice ${name} is back.`,
    byDefault: "Default", makeDefault: "Make default", makeVoiceDefault: (name) => `Make ${name} the default voice`,
    greeting: (name) => `Xin chào, tôi là ${name}. Rất vui được đọc cho bạn nghe.`,
    preparing: "being prepared",
    cloneHeading: "Clone a voice", cloneHelp: "A few seconds of one person are enough, speaking clearly and without noise. Drop a file here, or record now.",
    needsEngine: (how) => `To clone voices, the server needs the VietTTS engine: ${how}`,
    chooseFile: "Recording", record: "Record", stopRecording: "Stop recording", level: "Level",
    seconds: (n) => `${n} seconds`, checking: "Listening to the recording…",
    stretch: (from, to) => `The recording's waveform; what is used is from second ${number(from)} to ${number(to)}`,
    playStretch: "Hear what is used", voiceName: "Name of the voice", goodRecording: "The recording can be used. This part will make the voice.",
    consent: "The person in the recording has agreed to it.", makeVoice: "Make the voice", made: (name) => `The voice ${name} is there.`,
    noMicrophone: "The browser does not let the page use the microphone. It does over HTTPS, or on the server's own machine.",
    downloadsHeading: "Download voices and models", download: "Download", downloadWhat: (name) => `Download ${name}`, isThere: "is there",
    licence: (text) => `Licence: ${text}`, needs: (what) => `First: ${what}`, progress: (name) => `Progress of ${name}`,
    about: {},
    errors: {
      unreachable: "The server cannot be reached.",
      "not-audio": "This file is no audio that the server can read.", "too-short": "The recording is too short: at least 2 seconds.",
      "too-long": "The recording is too long: at most 10 minutes.", "too-quiet": "The recording is too quiet: speak closer to the microphone.",
      clipped: "The recording is clipped: speak further from the microphone.", "no-speech": "Nobody is heard to speak in the recording.",
      "two-voices": "Two people seem to speak: there should be only one.", "too-large": "The file is too large.",
      "too-many": "Too many voices were made; try again later.",
    },
  },
};

let language = "vi";

function number(value) {
  return value.toLocaleString(language, { maximumSignificantDigits: 2 });
}

export function t(key, ...values) {
  const text = TEXTS[language][key];
  return typeof text === "function" ? text(...values) : text;
}

// An error in the language of the page; the server's own words where there is no better sentence.
export function sentence(code, message) {
  return TEXTS[language].errors[code] ?? message;
}

// What a download is, in the language of the page; the server's own words for those that came later.
export function about(name, description) {
  return TEXTS[language].about[name] ?? description;
}

export function setLanguage(name) {
  language = name in TEXTS ? name : "vi";
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
}

export function preferredLanguage() {
  try {
    return localStorage.getItem("language") ?? (navigator.language.startsWith("vi") ? "vi" : "en");
  } catch {
    return "vi"; // storage is forbidden
  }
}

export function rememberLanguage(name) {
  try {
    localStorage.setItem("language", name);
  } catch {
    // It is chosen anew next time.
  }
}
