import { wordList } from "./word-list.ts";

/** "wrote" as mail clients say it over a quotation. `unspaced`: scripts without spaces between words. Regex sources, lower case. */
export const wroteWords = {
  spaced: wordList(`
    wrote | napisana przez | missatge de | mensaje de | تمت كتابة ما يلي بواسطة | writes | a écrit | a ecrit |
    écrit | écrivait | schrieb | schreibt | geschrieben | escribió | escribio | ha escrito | escribe |
    ha scritto | scrive | scrisse | escreveu | escreve | schreef | geschreven | schrijft | skrev | skriver |
    kirjoitti | skrifaði | ritaði | kirjutas | napisał\\(a\\) | napisał/a | napisał | napisała | pisze |
    napsal\\(a\\) | napsal/a | napsal | napsala | napísal\\(a\\) | napísal/a | napísal | napísala | píše |
    napisal\\(a\\) | napisal | napisala | napisao/la | napisao | je napisao | je napisala | rašė | parašė |
    rakstīja | uzrakstīja | írta | írt | ezt írta | a scris | scris | va escriure | ha escrit | escrigué |
    escribiu | idatzi du | yazdı | yazmış | yazdi | yazıb | shkroi | kiteb | skribis | ysgrifennodd | scríobh |
    escribieron | han escrito | hanno scritto | scrissero | escreveram | ont écrit | schrieben |
    geschrieben haben | napisali | написали | написали\\(а\\) | пишут | писали | sent |
    geskryf | написал\\(а\\) | написал | написала | писал | писала | пишет | написав | пише | напісаў | піша |
    написа | написао | напиша | έγραψε | έγραψες | γράφει | كتب | كتبت | وكتب | نوشت | نوشته | כתב | כתבה |
    כתב/ה | כותב | לכתוב | ने लिखा | लिखा | đã viết | viết | menulis | tulis | sumulat | aliandika | লিখেছেন |
    எழுதியது | დაწერა | գրեց | यांनी लिहिले | એ લખ્યું | ఇలా రాసారు | ಬರೆದಿದ್ದಾರೆ | എഴുതി | نے لکھا | бичсэн | жазды | yozdi
  `),
  unspaced: wordList(`
    写道 | 寫道 | 写到 | 写了 | 來信 | 来信 | 書きました | 書いた | のメール | のメッセージ | 작성 | 썼습니다 | 님이 씀 | เขียนว่า | เขียน
  `),
} as const;

/** Words that open an attribution, before the date or the person. */
export const attributionIntros = {
  spaced: wordList(`
    on | at | in | le | am | um | el | el día | en | il | il giorno | em | no dia | op | den | på | tors |
    w dniu | dnia | dne | dňa | v | u | dana | în | pe | la data de | a | az | στις | την | в | на | у | от |
    дана | pada | vào | vào lúc | tarihinde | kuupäeval | kello | klo | ons | tis | fre | lør | lör | søn | sön |
    man | mån | lun | mar | mer | jeu | ven | sam | dim | mié | jue | vie | sáb | dom | ma | di | wo | do | vr |
    za | zo | pon | wt | śr | czw | pt | sob | niedz | пн | вт | ср | чт | пт | сб | вс | нд | mon | tue | wed |
    thu | fri | sat | sun | ke | to | la | su | ti | בתאריך | ב | في | بتاريخ | در تاریخ | dia | data | το
  `),
  unspaced: wordList(`
    在 | 于 | 於 | เมื่อ | วันที่ | 平成 | 令和
  `),
} as const;

/** Words that open nothing but an attribution when a date follows: looked for inside a line too. */
export const attributionOpeners = wordList(`
  on | le | am | el | il | il giorno | em | no dia | op | den | w dniu | dnia | dne | dňa | în | pe | στις | в |
  на | pada | vào | at
`);

/** Horde's way: "Quoting Ann Example <ann@site.example>:". */
export const quotingIntros = wordList(`
  quoting | zitat von | citando a | citando | citation de | selon | mensaje citado por | citat från | citat fra |
  citerar | citat av | citat | citeren van | citát | idézet | цитирование | цитирую | cytowanie | lainaus | alıntı
`);
