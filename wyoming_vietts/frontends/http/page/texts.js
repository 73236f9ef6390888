// What the page says, in Vietnamese and in English.
import { recall } from "./memory.js";

const TEXTS = {
  vi: {
    language: "Ngôn ngữ",
    connecting: "Đang kết nối với máy chủ…",
    status: (s) => `${engineName(s.engine)} trên ${s.device.toUpperCase()} · ${s.voices} giọng · ${s.requests} lượt đọc` +
      (s.real_time_factor === null ? "" : ` · hệ số thời gian thực ${number(s.real_time_factor)}`),
    speakHeading: "Đọc thử", text: "Văn bản", voice: "Giọng", speed: "Tốc độ", speak: "Đọc", stop: "Dừng",
    sample: "Xin chào! Bây giờ là 8h30, ngoài trời 26,5°C.",
    speaking: "Đang đọc…", spokenText: (voice) => `Văn bản · ${voice}`, spokenSample: (voice) => `Nghe thử · ${voice}`,
    player: "Trình phát", playAgain: "Nghe lại", seek: "Vị trí", volume: "Âm lượng",
    saveWav: "Tải về tệp WAV", saveMp3: "Tải về tệp MP3",
    history: (n) => `Đã đọc gần đây (${n})`, forget: "Xóa lịch sử",
    showWords: "Xem cách đọc", hideWords: "Ẩn cách đọc", hearWord: (word) => `Nghe từ ${word}`, spokenWord: (word) => `Từ “${word}”`,
    wordsHeading: "Văn bản được đọc thành",
    lexiconHelp: "Đọc chưa đúng? Hãy bôi đen từ đó ở trên, rồi cho biết cách đọc:", written: "Viết là", spoken: "Đọc là", addWord: "Thêm từ",
    wordAdded: (written, spoken) => `Từ nay “${written}” đọc là “${spoken}”.`,
    entryCount: (n) => `Từ điển riêng (${n})`, removeWord: (word) => `Xóa từ ${word}`, wordRemoved: (word) => `Đã xóa từ “${word}”.`,
    moreWords: "Xem thêm từ",
    voicesHeading: "Các giọng đọc", search: "Tìm giọng", noVoice: "Không tìm thấy giọng nào.", myVoices: "Giọng của tôi",
    moreOfVoice: (name) => `Tùy chọn của giọng ${name}`,
    copyYaml: "Sao chép YAML cho Home Assistant", copyYamlOfVoice: (name) => `Sao chép YAML cho Home Assistant: giọng ${name}`,
    yamlCopied: (name, player) => `Đã sao chép YAML của giọng ${name}. Hãy dán vào một hành động trong Home Assistant, ` +
      `rồi thay ${player} bằng trình phát của bạn.`,
    sampleSentence: "Câu nghe thử", regions: { north: "Miền Bắc", central: "Miền Trung", south: "Miền Nam" },
    hear: "Nghe", hearVoice: (name) => `Nghe giọng ${name}`,
    rename: "Đổi tên", renameVoice: (name) => `Đổi tên giọng ${name}`, newName: "Tên mới", keep: "Lưu", cancel: "Hủy",
    remove: "Xóa", removeVoice: (name) => `Xóa giọng ${name}`, removed: (name) => `Đã xóa giọng ${name}.`,
    removedAll: (n) => `Đã xóa cả ${n} giọng của tệp này.`,
    undo: "Hoàn tác", undoRemoving: (name) => `Hoàn tác việc xóa giọng ${name}`, restored: (name) => `Đã khôi phục giọng ${name}.`,
    byDefault: "Mặc định", makeDefault: "Đặt mặc định", makeVoiceDefault: (name) => `Đặt mặc định: giọng ${name}`,
    otherDefault: (name) => `Giọng mặc định bây giờ là ${name}.`,
    greeting: "Xin chào. Rất vui được đọc cho bạn nghe.",
    preparing: "đang chuẩn bị",
    addPiper: "Thêm giọng Piper từ máy của bạn",
    addPiperHelp: "Thả hai tệp TÊN.onnx và TÊN.onnx.json vào đây, hoặc chọn cả hai. Mỗi giọng có giấy phép riêng: hãy đọc kỹ trước khi dùng, nhất là khi dùng cho mục đích thương mại.",
    choosePiperFiles: "Chọn hai tệp", uploading: "Tiến độ gửi tệp", checkingVoice: "Đang kiểm tra giọng…",
    uploadBroke: "Mất kết nối giữa chừng, giọng chưa được thêm.", retryUpload: (name) => `Thử gửi lại giọng ${name}`,
    onlyTwoFiles: "Mỗi lần chỉ thêm một giọng: một tệp .onnx và một tệp .json.",
    fileIsMissing: (name, suffix) => `Đã có ${name}, còn thiếu tệp ${suffix}.`, added: (name) => `Đã thêm giọng ${name}.`,
    cloneHeading: "Nhân bản giọng nói",
    cloneHelp: "Chỉ cần vài giây ghi âm một người nói rõ, không có tiếng ồn. Thả tệp vào đây, hoặc ghi âm ngay.",
    needsEngine: "Máy chủ này chưa nhân bản được giọng nói. Cách cài thêm",
    clonesWith: { vieneu: "VieNeu sẽ đọc bằng giọng này.", vietts: "VietTTS sẽ đọc bằng giọng này.", both: "VietTTS và VieNeu mỗi bên sẽ có một giọng như vậy." },
    "step-command": "Trên máy chủ, mở cửa sổ dòng lệnh và chạy:",
    "step-download": "Ở mục “Tải giọng và mô hình” bên dưới, tải",
    "step-image": (image) => `Dừng container, rồi chạy lại bằng image ${image} với cùng thư mục dữ liệu.`,
    "step-engine": (engine) => `Trong phần cấu hình của ứng dụng, chọn bộ máy ${engine}, rồi khởi động lại ứng dụng.`,
    restart: "Hãy khởi động lại máy chủ: nếu nó chạy trong cửa sổ dòng lệnh, nhấn Ctrl+C ở đó rồi chạy lại lệnh cũ.",
    restartApp: "Hãy khởi động lại ứng dụng trong Home Assistant.", copy: "Sao chép", copyCommand: "Sao chép lệnh",
    chooseFile: "Chọn tệp ghi âm", record: "Ghi âm", stopRecording: "Dừng ghi", level: "Âm lượng",
    secondsLeft: (n) => `Còn ${n} giây`, seconds: (n) => `${n} giây`, checking: "Đang kiểm tra bản ghi…",
    waveform: "Dạng sóng của bản ghi, phần được dùng có nền màu",
    stretch: (from, to) => `Phần được dùng: từ giây ${tenths(from)} đến giây ${tenths(to)}.`,
    playStretch: "Nghe phần được dùng", voiceName: "Tên giọng", goodRecording: "Bản ghi dùng được.",
    consent: "Người trong bản ghi đồng ý cho nhân bản giọng của mình.", makeVoice: "Tạo giọng",
    made: (name) => `Đã tạo giọng ${name}.`, noMicrophone: "Không tìm thấy micrô.",
    microphoneForbidden: "Trình duyệt không cho dùng micrô: hãy cho phép, và mở trang qua HTTPS hoặc ngay trên máy chủ.",
    downloadsHeading: "Tải giọng và mô hình", download: "Tải về", downloadWhat: (name) => `Tải về ${name}`, isThere: "Đã tải",
    licence: "Giấy phép", needsPackages: "Cần cài thêm phần mềm", progress: (name) => `Tiến độ tải ${name}`,
    downloaded: (name) => `Đã tải xong ${name}.`, cancelDownload: (name) => `Hủy tải ${name}`, retry: "Thử lại",
    downloadFailed: "Không tải được. Hãy xem lại mạng và chỗ trống trên đĩa của máy chủ, rồi thử lại.", details: "Chi tiết",
    left: (time) => `còn ${time}`, minutes: (n) => `${n} phút`,
    robotHeading: "Đang dùng giọng rô-bốt", smallHeading: "Đang dùng giọng rút gọn",
    offered: {
      "vi_VN-vais1000-medium": { what: "Giọng nữ miền Bắc, nghe như người thật", button: (size) => `Tải giọng tự nhiên (${size})` },
      "vi_VN-vais1000-tiny": { what: "Dành cho máy rất yếu: đọc nhanh hơn nhiều, nhưng kém rõ hơn", button: (size) => `Tải bản rút gọn (${size})` },
    },
    about: {
      "vi_VN-vais1000-medium": "Giọng nữ miền Bắc, tự nhiên, chạy được cả trên máy yếu",
      "vi_VN-vais1000-tiny": "Giọng nữ miền Bắc, bản rút gọn cho máy rất yếu: nhanh hơn nhiều nhưng kém rõ hơn",
      vieneu: "Mười một giọng miền Bắc và miền Nam, dành cho máy tính mini (VieNeu-TTS v3 Nano)",
      "vieneu-cloning": "Dùng với VieNeu: tạo giọng từ bản ghi âm, không cần PyTorch",
      vietts: "Mô hình nơ-ron để nhân bản giọng nói (cần PyTorch)",
    },
    licences: {
      "vi_VN-vais1000-medium": "dữ liệu CC BY 4.0 (VAIS-1000); tinh chỉnh từ một giọng tiếng Anh có dữ liệu hạn chế " +
        "dùng cho mục đích thương mại, nên chưa rõ có được dùng cho mục đích ấy hay không",
      "vi_VN-vais1000-tiny": "trọng số GPL-3.0; dữ liệu CC BY 4.0 (VAIS-1000); chắt lọc từ giọng trên, " +
        "nên cũng chưa rõ có được dùng cho mục đích thương mại hay không",
      vieneu: "Apache-2.0; không rõ mười một người đọc là ai và có đồng ý hay không; " +
        "một bộ dữ liệu của cùng tác giả theo CC BY-NC 4.0",
      "vieneu-cloning": "Apache-2.0",
      vietts: "CC BY-NC 4.0: không dùng cho mục đích thương mại",
    },
    otherError: (message) => `Có lỗi: ${message}`,
    errors: {
      "nothing-to-say": "Văn bản không có gì để đọc.",
      unreachable: "Không kết nối được với máy chủ.", "cut-off": "Máy chủ ngừng giữa chừng, chưa đọc hết.",
      "shutting-down": "Máy chủ đang tắt.", unauthorized: "Cần mã truy cập.", forbidden: "Máy chủ không cho phép; hãy tải lại trang.",
      "not-found": "Mục này không còn nữa.", "text-too-long": "Văn bản dài quá.", "unknown-voice": "Giọng này không còn nữa.",
      needed: "Máy chủ được đặt để dùng giọng này (--voice, hoặc tùy chọn giọng của ứng dụng): hãy đổi tùy chọn đó trước.",
      "engine-failed": "Không đọc được; xem nhật ký của máy chủ.", busy: "Máy chủ đang bận; hãy thử lại sau ít phút.",
      "not-audio": "Tệp này không phải bản ghi âm mà máy chủ đọc được.", "too-short": "Bản ghi ngắn quá: cần ít nhất 2 giây tiếng nói.",
      "too-long": "Bản ghi dài quá: nhiều nhất 10 phút.", "too-quiet": "Bản ghi nhỏ quá: hãy nói gần micrô hơn.",
      clipped: "Bản ghi bị vỡ tiếng: hãy nói xa micrô hơn một chút.", "no-speech": "Không nghe thấy ai nói trong bản ghi.",
      "two-voices": "Hình như có hai người nói: chỉ nên có một giọng.", "too-large": "Nội dung gửi lên lớn quá.",
      "not-piper": "Tệp bị hỏng, chưa đủ, hoặc không phải giọng Piper.", "empty-file": "Tệp này rỗng.",
      "web-page": "Tệp này là một trang web, không phải giọng: hãy tải lại đúng tệp.", archive: "Tệp này là tệp nén: hãy giải nén trước.",
      "git-lfs-pointer": "Tệp này chỉ là con trỏ Git LFS, chưa phải giọng: hãy tải chính tệp ấy về.",
      "name-taken": "Đã có giọng tên này: hãy đổi tên hai tệp, hoặc xóa giọng cũ.", "no-room": "Đĩa của máy chủ không đủ chỗ cho giọng này.",
      "too-slow": "Gửi chậm quá; hãy thử lại.", "too-many": "Đã tạo nhiều giọng quá; hãy thử lại sau.",
    },
  },
  en: {
    language: "Language",
    connecting: "Connecting to the server…",
    status: (s) => `${engineName(s.engine)} on ${s.device.toUpperCase()} · ${counted(s.voices, "voice")} · ${counted(s.requests, "answer")}` +
      (s.real_time_factor === null ? "" : ` · real-time factor ${number(s.real_time_factor)}`),
    speakHeading: "Try it", text: "Text", voice: "Voice", speed: "Speed", speak: "Speak", stop: "Stop",
    sample: "Xin chào! Bây giờ là 8h30, ngoài trời 26,5°C.",
    speaking: "Speaking…", spokenText: (voice) => `The text · ${voice}`, spokenSample: (voice) => `Sample · ${voice}`,
    player: "Player", playAgain: "Play again", seek: "Position", volume: "Volume",
    saveWav: "Save as a WAV file", saveMp3: "Save as an MP3 file",
    history: (n) => `Recent texts (${n})`, forget: "Clear the history",
    showWords: "Show reading", hideWords: "Hide reading", hearWord: (word) => `Hear the word ${word}`, spokenWord: (word) => `The word “${word}”`,
    wordsHeading: "The text is read as",
    lexiconHelp: "Read wrongly? Select the word above, then say how it is spoken:", written: "Written", spoken: "Spoken", addWord: "Add word",
    wordAdded: (written, spoken) => `“${written}” is read as “${spoken}” from now on.`,
    entryCount: (n) => `Your lexicon (${n})`, removeWord: (word) => `Delete the word ${word}`, wordRemoved: (word) => `Deleted “${word}”.`,
    moreWords: "More words",
    voicesHeading: "Voices", search: "Find a voice", noVoice: "No voice found.", myVoices: "My voices",
    moreOfVoice: (name) => `Options of the voice ${name}`,
    copyYaml: "Copy YAML for Home Assistant", copyYamlOfVoice: (name) => `Copy YAML for Home Assistant: the voice ${name}`,
    yamlCopied: (name, player) => `Copied the YAML of the voice ${name}. Paste it into an action in Home Assistant, ` +
      `and replace ${player} with your own media player.`,
    sampleSentence: "Sample sentence", regions: { north: "North", central: "Centre", south: "South" },
    hear: "Hear", hearVoice: (name) => `Hear the voice ${name}`,
    rename: "Rename", renameVoice: (name) => `Rename the voice ${name}`, newName: "New name", keep: "Save", cancel: "Cancel",
    remove: "Delete", removeVoice: (name) => `Delete the voice ${name}`, removed: (name) => `Deleted the voice ${name}.`,
    removedAll: (n) => `Deleted all ${n} voices of this file.`,
    undo: "Undo", undoRemoving: (name) => `Undo deleting the voice ${name}`, restored: (name) => `The voice ${name} is back.`,
    byDefault: "Default", makeDefault: "Make default", makeVoiceDefault: (name) => `Make default: the voice ${name}`,
    otherDefault: (name) => `The default voice is ${name} now.`,
    greeting: "Xin chào. Rất vui được đọc cho bạn nghe.",
    preparing: "being prepared",
    addPiper: "Add a Piper voice from your computer",
    addPiperHelp: "Drop NAME.onnx and NAME.onnx.json here, or choose both. Each voice has a licence of its own: read it first, above all for commercial use.",
    choosePiperFiles: "Choose two files", uploading: "Progress of the upload", checkingVoice: "Checking the voice…",
    uploadBroke: "The connection broke, and the voice was not added.", retryUpload: (name) => `Try again to upload ${name}`,
    onlyTwoFiles: "Add one voice at a time: one .onnx file and one .json file.",
    fileIsMissing: (name, suffix) => `${name} is here; the ${suffix} file is missing.`, added: (name) => `Added the voice ${name}.`,
    cloneHeading: "Clone a voice",
    cloneHelp: "A few seconds of one person speaking clearly, without noise, are enough. Drop a file here, or record now.",
    needsEngine: "This server cannot clone voices yet. How to add that",
    clonesWith: { vieneu: "VieNeu will speak in this voice.", vietts: "VietTTS will speak in this voice.", both: "VietTTS and VieNeu will have a voice each." },
    "step-command": "On the server, open a terminal and run:",
    "step-download": "Under “Download voices and models” below, download",
    "step-image": (image) => `Stop the container, and run the image ${image} with the same data folder.`,
    "step-engine": (engine) => `In the app's configuration, choose the engine ${engine}, and restart the app.`,
    restart: "Restart the server: if it runs in a terminal, press Ctrl+C there and run the same command again.",
    restartApp: "Restart the app in Home Assistant.", copy: "Copy", copyCommand: "Copy the command",
    chooseFile: "Choose a recording", record: "Record", stopRecording: "Stop recording", level: "Level",
    secondsLeft: (n) => `${counted(n, "second")} left`, seconds: (n) => counted(n, "second"), checking: "Checking the recording…",
    waveform: "The recording's waveform; the part that is used has a coloured background",
    stretch: (from, to) => `The part that is used: from second ${tenths(from)} to second ${tenths(to)}.`,
    playStretch: "Hear the part that is used", voiceName: "Name of the voice", goodRecording: "The recording can be used.",
    consent: "The person in the recording agrees to have their voice cloned.", makeVoice: "Make the voice",
    made: (name) => `Made the voice ${name}.`, noMicrophone: "No microphone found.",
    microphoneForbidden: "The browser blocks the microphone: allow it, and open the page over HTTPS or on the server itself.",
    downloadsHeading: "Download voices and models", download: "Download", downloadWhat: (name) => `Download ${name}`, isThere: "Downloaded",
    licence: "Licence", needsPackages: "Needs more software", progress: (name) => `Progress of ${name}`,
    downloaded: (name) => `Downloaded ${name}.`, cancelDownload: (name) => `Cancel downloading ${name}`, retry: "Try again",
    downloadFailed: "The download failed. Check the server's network and free disk space, then try again.", details: "Details",
    left: (time) => `${time} left`, minutes: (n) => counted(n, "minute"),
    robotHeading: "You are using a robot voice", smallHeading: "You are using a small voice",
    offered: {
      "vi_VN-vais1000-medium": { what: "A woman from the north, who sounds like a person", button: (size) => `Download the natural voice (${size})` },
      "vi_VN-vais1000-tiny": { what: "For the smallest machines: far faster, less clear", button: (size) => `Download the small voice (${size})` },
    },
    about: {
      "vi_VN-vais1000-medium": "A natural voice for small machines: a woman from the north",
      "vi_VN-vais1000-tiny": "A woman from the north, a small voice for the smallest machines: far faster, less clear",
      vieneu: "Eleven voices of the north and the south, for a mini-PC (VieNeu-TTS v3 Nano)",
      "vieneu-cloning": "For VieNeu: makes voices of recordings, without PyTorch",
      vietts: "The neural model, which clones voices (needs PyTorch)",
    },
    licences: {},
    otherError: (message) => message,
    errors: {
      "nothing-to-say": "There is nothing to say in this text.",
      unreachable: "The server cannot be reached.", "cut-off": "The server stopped before the end of the text.",
      forbidden: "The server does not allow it; load the page again.",
      "not-audio": "The server cannot read this file as audio.", "too-short": "The recording is too short: it needs 2 seconds of speech.",
      "too-long": "The recording is too long: at most 10 minutes.", "too-quiet": "The recording is too quiet: speak closer to the microphone.",
      clipped: "The recording is clipped: speak a little further from the microphone.", "no-speech": "Nobody speaks in the recording.",
      "two-voices": "Two people seem to speak: there should be only one.", "too-large": "This is too large to send.",
      "too-many": "Too many voices were made; try again later.",
      "not-piper": "This file is damaged, incomplete, or no Piper voice.", "empty-file": "This file is empty.",
      "web-page": "This file is a web page, not a voice: download the file itself.", archive: "This file is an archive: unpack it first.",
      "git-lfs-pointer": "This file is a Git LFS pointer, not the voice yet: download the file itself.",
      "name-taken": "There is already a voice of this name: rename the two files, or delete that voice.",
      "no-room": "The server's disk has no room for this voice.",
    },
  },
};

let language = "vi";

const ENGINES = { espeak: "eSpeak NG", piper: "Piper", vieneu: "VieNeu", vietts: "VietTTS" };

export function engineName(engine) {
  return ENGINES[engine] ?? engine ?? "–";
}

export function number(value, digits = 2) {
  return value.toLocaleString(language, { maximumSignificantDigits: digits });
}

function counted(n, noun) {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

export function size(megabytes) {
  return megabytes < 1000 ? `${megabytes} MB` : `${number(megabytes / 1000)} GB`;
}

// How much of a download has come.
export function megabytes(done, all) {
  return `${number(Math.round(done), 4)} / ${size(all)}`;
}

export function timeLeft(seconds) {
  return t("left", seconds < 60 ? t("seconds", Math.ceil(seconds)) : t("minutes", Math.ceil(seconds / 60)));
}

function tenths(value) {
  return value.toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

export function t(key, ...values) {
  const text = TEXTS[language][key];
  return typeof text === "function" ? text(...values) : text;
}

// An error in the language of the page; the server's own words where there is no better sentence.
export function sentence(code, message) {
  return TEXTS[language].errors[code] ?? t("otherError", message);
}

// What a download is, and its licence; the server's own words for those that came later.
export function about(name, description) {
  return TEXTS[language].about[name] ?? description;
}

export function licenceOf(name, licence) {
  return TEXTS[language].licences[name] ?? licence;
}

export function setText(element, key) {
  element.dataset.text = key;
  element.textContent = t(key);
}

export function setLabel(element, key) {
  element.dataset.label = key;
  element.setAttribute("aria-label", t(key));
}

export function setLanguage(name) {
  language = name;
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) setText(element, element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) setLabel(element, element.dataset.label);
}

export function preferredLanguage() {
  const chosen = recall("language", "");
  return chosen in TEXTS ? chosen : navigator.language.startsWith("vi") ? "vi" : "en";
}
